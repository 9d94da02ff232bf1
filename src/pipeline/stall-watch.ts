import type { Logger } from '../logger.js';
import type { LookUp, Pipeline } from './pipeline.js';
import { runEvery } from './run-every.js';

export interface StallOptions {
  /** A batch that has begun is stalled after this much silence. */
  readonly begunMs: number;
  /** A batch that waits is stalled after this much silence of its whole file. */
  readonly queuedMs: number;
  /** Where news that was missed can be looked up before a stall is announced. */
  readonly lookUp?: LookUp | undefined;
}

const MAX_PERIOD_MS = 10_000;

/** Looks for silent batches, again and again, until the answer is called. */
export function watchStalls(
  pipeline: Pipeline,
  { begunMs, queuedMs, lookUp }: StallOptions,
  logger: Logger,
): () => void {
  const look = async () => {
    try {
      const now = Date.now();
      await pipeline.markStalled({ begunBefore: now - begunMs, queuedBefore: now - queuedMs }, lookUp);
    } catch (error) {
      logger.warn({ err: error }, 'could not look for silent batches');
    }
  };
  return runEvery(Math.max(10, Math.min(MAX_PERIOD_MS, begunMs / 4, queuedMs / 4)), look);
}
