/** Picks the engine that `ENGINE` names. */
import type { Config } from '../config.js';
import type { Logger } from '../logger.js';
import type { Engine } from './engine.js';

/** Opens the engine of the configuration. The drivers of the other one are not loaded: they cost time and memory. */
export async function createEngine(config: Config, logger: Logger): Promise<Engine> {
  switch (config.ENGINE) {
    case 'embedded':
      return (await import('./embedded.js')).openEmbedded(config);
    case 'distributed':
      return (await import('./distributed.js')).openDistributed(config, logger);
  }
}
