import type { Config } from '../config.js';

export const feedLimits = (config: Config) => ({
  history: config.FEED_HISTORY,
  historyBytes: config.FEED_HISTORY_BYTES,
  ttlMs: config.FEED_TTL_MS,
});

export const storeLimits = (config: Config) => ({
  heldTtlMs: config.HELD_TTL_MS,
  maxHeldBytes: config.MAX_HELD_BYTES,
  deadLetterTtlMs: config.DEAD_LETTER_TTL_MS,
  maxDeadLetterBytes: config.MAX_DEAD_LETTER_BYTES,
});
