import type { Config } from '../config.js';
import { DAY_MS } from '../pipeline/retention.js';

export const feedLimits = (config: Config) => ({
  history: config.FEED_HISTORY,
  historyBytes: config.FEED_HISTORY_BYTES,
  ttlMs: config.FEED_TTL_MS,
});

export const storeLimits = (config: Config) => {
  // Held updates and dead letters hold addresses, too: no addresses are kept for longer than those of files.
  const retentionMs = config.RETENTION_DAYS === 0 ? Number.POSITIVE_INFINITY : config.RETENTION_DAYS * DAY_MS;
  return {
    heldTtlMs: Math.min(config.HELD_TTL_MS, retentionMs),
    maxHeldBytes: config.MAX_HELD_BYTES,
    deadLetterTtlMs: Math.min(config.DEAD_LETTER_TTL_MS, retentionMs),
    maxDeadLetterBytes: config.MAX_DEAD_LETTER_BYTES,
  };
};
