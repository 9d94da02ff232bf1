/** Reads and deletes what the validator keeps in Redis: the newest update of each batch, for an hour or more. */

import type { BatchId } from '../../domain/id.js';
import { VALIDATOR } from '../../domain/ownership.js';
import { Fault } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import { portions } from '../../portions.js';
import type { Connection } from '../../redis/connection.js';
import type { Intake } from '../intake.js';
import { permanentReason } from './message-processor.js';

interface ValidatorResultsDeps {
  readonly connection: Connection<unknown>;
  readonly intake: Pick<Intake, 'update'>;
  readonly maxUpdateBytes: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const DELETED_AT_ONCE = 500;

/** Null: the key is of another type, and stays so. Tried again, it would keep all other batches waiting. @throws the fault */
function noString(fault: unknown): null {
  if (fault instanceof Fault && fault.refusal?.code === 'WRONGTYPE') return null;
  throw fault;
}

/** The validator's key; it has no prefix. */
export const resultsKey = (batchId: BatchId): string => `validation_results:${batchId}`;

export class ValidatorResults {
  constructor(private readonly deps: ValidatorResultsDeps) {}

  /**
   * Takes in the update that is kept of a batch, if there is one.
   * @throws Fault where Redis or the store is away
   */
  async takeIn(batchId: BatchId): Promise<void> {
    this.deps.metrics.inletMessages.inc({
      inlet: 'look-up',
      outcome: await this.#takeIn(resultsKey(batchId)),
    });
  }

  /** @throws Fault('unavailable') */
  async forget(batchIds: readonly BatchId[]): Promise<void> {
    for (const portion of portions(batchIds, DELETED_AT_ONCE)) {
      const keys = portion.map(resultsKey);
      // One key a command: in a cluster they are on different nodes.
      await this.deps.connection.run((redis) => Promise.all(keys.map((key) => redis.unlink(key))));
    }
  }

  async #takeIn(key: string): Promise<string> {
    const { connection, intake, maxUpdateBytes, logger } = this.deps;
    const bytes = await connection.run((redis) => redis.strlen(key)).catch(noString);
    if (bytes === null) {
      logger.warn(
        'the key where the validator keeps the update of a batch holds something else, and was skipped',
      );
      return 'unreadable';
    }
    if (bytes === 0) return 'absent';
    if (bytes > maxUpdateBytes) {
      logger.warn({ bytes }, 'the update that the validator keeps of a batch is too large and was not read');
      return 'too_large';
    }
    const update = await connection.run((redis) => redis.getBuffer(key));
    if (update === null) return 'absent';
    try {
      return await intake.update(update, VALIDATOR, true);
    } catch (error) {
      if (permanentReason(error) === null && error instanceof Fault) throw error;
      // No dead letter: the validator keeps it, and each further look-up would add another one.
      logger.warn(
        { err: error },
        'the update that the validator keeps of a batch cannot be read and was skipped',
      );
      return 'unreadable';
    }
  }
}
