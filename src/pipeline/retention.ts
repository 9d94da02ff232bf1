import type { Logger } from '../logger.js';
import type { Pipeline } from './pipeline.js';
import { runEvery } from './run-every.js';

export const DAY_MS = 24 * 3_600_000;
const PERIOD_MS = 3_600_000;

/** Purges what is older than so many days (0: nothing ever), now and every hour, until the answer is called. */
export function watchRetention(pipeline: Pipeline, days: number, logger: Logger): () => void {
  if (days === 0) return () => undefined;
  const look = async () => {
    try {
      const files = await pipeline.purge(Date.now() - days * DAY_MS);
      if (files > 0) logger.info({ files, days }, 'addresses of old files were deleted');
    } catch (error) {
      logger.warn({ err: error }, 'could not delete the addresses of old files; trying again in an hour');
    }
  };
  return runEvery(PERIOD_MS, look, { now: true });
}
