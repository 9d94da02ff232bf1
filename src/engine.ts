import type { Checks } from './checks.js';
import type { Config } from './config.js';
import type { Feed } from './feed/feed.js';
import { MemoryFeed } from './feed/memory-feed.js';
import { RedisFeed } from './feed/redis-feed.js';
import type { Inlets } from './inlet/inlet.js';
import type { Intake } from './inlet/intake.js';
import { createRedisInlets } from './inlet/redis/redis-inlets.js';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';
import { MongoStore } from './store/mongo-store.js';
import { SqliteStore } from './store/sqlite-store.js';
import type { Store } from './store/store.js';

export interface Engine {
  readonly store: Store;
  readonly feed: Feed;
  /** Other gateways work on the same state: what one of them leaves unannounced, the others announce. */
  readonly isShared: boolean;
  readonly checks: Checks;
  /** Opens the inlets beside HTTP; null: there are none. */
  readonly openInlets: ((deps: InletDeps) => Inlets) | null;
  /** What an operator should know of the choice. */
  readonly note: string;
}

export interface InletDeps {
  readonly intake: Intake;
  readonly metrics: Metrics;
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
    openInlets: null,
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
    openInlets: ({ intake, metrics }) =>
      createRedisInlets({
        redis: config.REDIS_URL ?? '',
        prefix: config.KEY_PREFIX,
        intake,
        store,
        deadLetters: store,
        logger,
        metrics,
        ...inletLimits(config),
      }),
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

const inletLimits = (config: Config) => ({
  maxUpdateBytes: config.MAX_UPDATE_BYTES,
  maxInletBytes: config.MAX_INLET_BYTES,
  maxDeliveries: config.MAX_DELIVERIES,
  claimTtlMs: config.CLAIM_TTL_MS,
  streamIdleMs: config.STREAM_IDLE_MS,
  stallAfterMs: config.STALL_AFTER_MS,
});
