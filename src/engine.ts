import type { Checks } from './checks.js';
import type { Config } from './config.js';
import type { Feed } from './feed/feed.js';
import { MemoryFeed } from './feed/memory-feed.js';
import { RedisFeed } from './feed/redis-feed.js';
import type { Logger } from './logger.js';
import { MongoStore } from './store/mongo-store.js';
import { SqliteStore } from './store/sqlite-store.js';
import type { Store } from './store/store.js';

export interface Engine {
  readonly store: Store;
  readonly feed: Feed;
  /** Other gateways work on the same state: what one of them leaves unannounced, the others announce. */
  readonly isShared: boolean;
  readonly checks: Checks;
  /** What an operator should know of the choice. */
  readonly note: string;
}

/** Picks what holds the state. The only place that names a technology. */
export async function createEngine(config: Config, logger: Logger): Promise<Engine> {
  switch (config.ENGINE) {
    case 'embedded':
      return embedded(config);
    case 'distributed':
      return distributed(config, logger);
  }
}

async function embedded(config: Config): Promise<Engine> {
  return {
    store: await SqliteStore.open({ directory: config.DATA_DIR, ...storeLimits(config) }),
    feed: new MemoryFeed(feedLimits(config)),
    isShared: false,
    checks: {},
    note: 'one gateway only; no channels',
  };
}

/** Neither server has to be there yet: whatever needs one of them is refused until it comes. */
function distributed(config: Config, logger: Logger): Engine {
  const store = MongoStore.open({
    uri: config.MONGODB_URI ?? '',
    ...storeLimits(config),
    onProblem: (reason) => logger.warn({ err: reason }, 'the database cannot be used'),
  });
  const feed = new RedisFeed({
    redis: config.REDIS_URL ?? '',
    prefix: config.KEY_PREFIX,
    ...feedLimits(config),
    warn: (message) => logger.warn(message),
  });
  return {
    store,
    feed,
    isShared: true,
    checks: { database: () => store.ping(), redis: () => feed.ping() },
    note: 'any number of gateways on one MongoDB and one Redis',
  };
}

const feedLimits = (config: Config) => ({
  history: config.FEED_HISTORY,
  historyBytes: config.FEED_HISTORY_BYTES,
  ttlMs: config.FEED_TTL_MS,
});

const storeLimits = (config: Config) => ({
  heldTtlMs: config.HELD_TTL_MS,
  maxHeldBytes: config.MAX_HELD_BYTES,
  deadLetterTtlMs: config.DEAD_LETTER_TTL_MS,
  maxDeadLetterBytes: config.MAX_DEAD_LETTER_BYTES,
});
