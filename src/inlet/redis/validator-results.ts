import { Fault } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import type { Connection } from '../../redis/connection.js';
import type { Intake } from '../intake.js';
import { poisonOf } from './message-processor.js';
import { resultsKey } from './redis-names.js';

export interface ValidatorResultsDeps {
  readonly connection: Connection<unknown>;
  readonly intake: Pick<Intake, 'update'>;
  readonly maxUpdateBytes: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const KEYS_AT_ONCE = 500;

/** What the validator keeps of each batch: its newest update, for an hour or more. */
export class ValidatorResults {
  constructor(private readonly deps: ValidatorResultsDeps) {}

  /**
   * Takes in what is kept of a batch, if anything is.
   * @throws Fault where Redis or the store is away
   */
  async takeIn(batchId: string): Promise<void> {
    this.deps.metrics.inletMessages.inc({
      inlet: 'look-up',
      outcome: await this.#takeIn(resultsKey(batchId)),
    });
  }

  /** @throws Fault('unavailable') */
  async forget(batchIds: readonly string[]): Promise<void> {
    for (let start = 0; start < batchIds.length; start += KEYS_AT_ONCE) {
      const keys = batchIds.slice(start, start + KEYS_AT_ONCE).map(resultsKey);
      // One by one: in a cluster they are on different nodes.
      await this.deps.connection.run((redis) => Promise.all(keys.map((key) => redis.unlink(key))));
    }
  }

  async #takeIn(key: string): Promise<string> {
    const { connection, intake, maxUpdateBytes, logger } = this.deps;
    const bytes = await connection.run((redis) => redis.strlen(key));
    if (bytes === 0) return 'absent';
    if (bytes > maxUpdateBytes) {
      logger.warn({ bytes }, 'what is kept of a batch is too large to be read');
      return 'too_large';
    }
    const found = await connection.run((redis) => redis.getBuffer(key));
    if (found === null) return 'absent';
    try {
      return await intake.update(found, true);
    } catch (error) {
      const poison = poisonOf(error);
      if (poison === null && error instanceof Fault) throw error;
      // It stays where it is, and would become one more dead letter with each look.
      logger.warn({ err: error }, 'what is kept of a batch cannot be taken in');
      return 'unreadable';
    }
  }
}
