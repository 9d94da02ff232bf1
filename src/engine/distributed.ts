import { openRedisAdapter } from '../adapter/redis-adapter.js';
import type { Config } from '../config.js';
import { RedisFeed } from '../feed/redis-feed.js';
import { createRedisInlets } from '../inlet/redis/redis-inlets.js';
import type { Logger } from '../logger.js';
import { MongoStore } from '../store/mongo-store.js';
import { type Engine, feedLimits, storeLimits } from './engine.js';

/** Any number of gateways on MongoDB and Redis. Until a server can be reached, calls that need it fail with `unavailable`. */
export function openDistributed(config: Config, logger: Logger): Engine {
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
  const adapter = openRedisAdapter({
    redis: config.REDIS_URL ?? '',
    key: config.SOCKET_IO_KEY,
    warn: (message) => logger.warn(message),
  });
  return {
    store,
    feed,
    isShared: true,
    adapter,
    openInlets: ({ intake, metrics }) =>
      createRedisInlets({
        redis: config.REDIS_URL ?? '',
        prefix: config.KEY_PREFIX,
        intake,
        updates: store.updates,
        deadLetters: store.deadLetters,
        logger,
        metrics,
        ...inletLimits(config),
      }),
    checks: { database: () => store.ping(), redis: () => feed.ping() },
    note: 'any number of gateways on one MongoDB and one Redis',
  };
}

const inletLimits = (config: Config) => ({
  maxUpdateBytes: config.MAX_UPDATE_BYTES,
  maxInletBytes: config.MAX_INLET_BYTES,
  maxDeliveries: config.MAX_DELIVERIES,
  claimTtlMs: config.CLAIM_TTL_MS,
  streamIdleMs: config.STREAM_IDLE_MS,
  stallAfterMs: config.STALL_AFTER_MS,
});
