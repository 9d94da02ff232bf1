import type { Logger } from '../logger.js';
import type { Store } from '../store/store.js';
import { runEvery } from './run-every.js';

const MAX_PERIOD_MS = 10_000;

/**
 * Drops held updates and dead letters whose time to live is over, again and again, until the answer is called: both hold
 * addresses, so neither may outlive its time by much. `ttlMs`: the shorter of the two times to live.
 */
export function sweepExpired(
  { updates, deadLetters }: Pick<Store, 'updates' | 'deadLetters'>,
  ttlMs: number,
  logger: Logger,
): () => void {
  const sweep = async () => {
    try {
      await updates.dropExpired();
      await deadLetters.dropExpired();
    } catch (error) {
      logger.warn({ err: error }, 'could not drop what has expired; trying again');
    }
  };
  return runEvery(Math.max(10, Math.min(MAX_PERIOD_MS, ttlMs / 4)), sweep);
}
