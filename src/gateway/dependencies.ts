/** Watches what a gateway depends on: its engine, and the servers of its inlets. */

import type { Config } from '../config.js';
import type { Engine } from '../engine/engine.js';
import { DependencyWatch } from '../health/dependency-watch.js';
import type { Inlets } from '../inlet/inlet.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';

export function watchDependencies(
  config: Config,
  engine: Engine,
  inlets: Inlets | undefined,
  deps: { readonly logger: Logger; readonly metrics: Metrics },
): DependencyWatch {
  const ofInlets = inlets === undefined ? [] : [{ dependency: 'redis' as const, run: () => inlets.probe() }];
  return new DependencyWatch([...engine.probes, ...ofInlets], { intervalMs: config.PROBE_INTERVAL_MS }, deps);
}
