/** The distributed engine: the store in MongoDB; the feed, the inlets and Socket.IO's adapter in Redis. */
import { openRedisAdapter } from '../adapter/redis-adapter.js';
import type { Config } from '../config.js';
import { removeFeedOf } from '../epoch/head.js';
import { EXIT_CONFIG, FatalError } from '../errors.js';
import { RedisFeed } from '../feed/redis-feed.js';
import { createRedisInlets } from '../inlet/redis/redis-inlets.js';
import { RepeatLog } from '../log-repeats.js';
import type { Logger } from '../logger.js';
import { createClient } from '../redis/client.js';
import { MongoStore } from '../store/mongo-store.js';
import { settledWithin } from '../waiting.js';
import { type Engine, feedLimits, storeLimits } from './engine.js';

/** Any number of gateways on MongoDB and Redis. Until a server can be reached, calls that need it fail with `unavailable`. */
export async function openDistributed(config: Config, logger: Logger): Promise<Engine> {
  await refuseUnknownDatabase(config.REDIS_URL ?? '');
  const log = new RepeatLog(logger);
  const feed = new RedisFeed({
    redis: config.REDIS_URL ?? '',
    prefix: config.KEY_PREFIX,
    ...feedLimits(config),
    warn: (message) => logger.warn(message),
  });
  const store = MongoStore.open({
    uri: config.MONGODB_URI ?? '',
    keyPrefix: config.KEY_PREFIX,
    ...storeLimits(config),
    removeElsewhere: (fileId, generation) => removeFeedOf(feed, fileId, generation),
    onProblem: (reason) => log.log('warn', reason, 'the gateway failed to work with the database'),
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
    verified: store.opened,
    advice: async () => [...(await store.advice()), ...(await feed.advice())],
    probes: [
      { dependency: 'database', run: () => store.probe() },
      { dependency: 'redis', run: () => feed.probe() },
      { dependency: 'redis', run: () => adapter.probe() },
    ],
    note: 'any number of gateways on one MongoDB and one Redis',
  };
}

const inletLimits = (config: Config) => ({
  maxUpdateBytes: config.MAX_UPDATE_BYTES,
  maxInletBytes: config.MAX_INLET_BYTES,
  maxDeliveries: config.MAX_DELIVERIES,
  claimTtlMs: config.CLAIM_TTL_MS,
  streamIdleMs: config.STREAM_IDLE_MS,
  streamShards: config.STREAM_SHARDS,
  stallAfterMs: config.STALL_AFTER_MS,
});

/** How long the start waits for a server that does not answer. */
const CHECK_MS = 1_000;

/**
 * Only the server knows how many databases it has. One that is away now is asked at each connect: the gateway is not ready
 * as long as it refuses.
 * @throws FatalError
 */
async function refuseUnknownDatabase(url: string): Promise<void> {
  const client = createClient(url, { name: 'verigate-check', timeoutMs: CHECK_MS });
  const { db = 0 } = client.options;
  if (db === 0) return;
  let refusal = '';
  client.on('error', () => undefined);
  const checked = client
    .connect()
    .then(() => client.select(db))
    .catch((error: Error) => {
      refusal = error.message;
    });
  await settledWithin(CHECK_MS, checked);
  client.disconnect();
  if (refusal.includes('DB index is out of range'))
    throw new FatalError(
      'wrong configuration: REDIS_URL: the server has no database of this number',
      EXIT_CONFIG,
    );
}
