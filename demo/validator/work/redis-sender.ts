import { crc32 } from 'node:zlib';
import { Cluster, Redis, ReplyError } from 'ioredis';
import type { RedisOptions } from '../options.js';
import type { Outcome, Sender } from './sender.js';
import { textOf, type Update } from './update.js';

const CHANNEL = 'email_validation_results';
const STREAM = `${CHANNEL}:stream`;
const CLUSTER = 'redis-cluster://';
const KEPT_S = 3600;
const TIMEOUT_MS = 3000;
const LONGEST_RETRY_MS = 2000;

/** Publishes updates on Redis, as the real validator does: the key first, then the message on the channel. */
export class RedisSender implements Sender {
  // A worker of the real validator waits for Redis, too. So a list makes the same number of messages.
  readonly awaitsEach = true;
  readonly #redis: Redis | Cluster;

  constructor(private readonly options: RedisOptions) {
    this.#redis = clientOf(options.url);
    // Each command reports its own failure.
    this.#redis.on('error', () => undefined);
  }

  async send(update: Update): Promise<Outcome> {
    const text = textOf(update);
    const key = `validation_results:${update.batchId}`;
    try {
      await this.#connect();
      // In this order on one connection: a gateway that gets the message finds the update at the key.
      const kept = this.#redis.set(key, text, 'EX', KEPT_S);
      const published = this.options.isStream
        ? this.#redis.xadd(this.#streamOf(update.batchId), '*', 'data', text)
        : this.#redis.publish(CHANNEL, text);
      await allOf([kept, published]);
      return { kind: 'accepted' };
    } catch (error) {
      return { kind: 'later', why: reasonOf(error), retryAfterMs: 0 };
    }
  }

  async group(requestId: string, batchIds: readonly string[]): Promise<void> {
    await this.#connect();
    await allOf(batchIds.map((id) => this.#redis.set(`batch_parent:${id}`, requestId, 'EX', KEPT_S)));
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** Of one batch, all in one stream: there they keep their order. */
  #streamOf(batchId: string): string {
    const { streamShards } = this.options;
    return streamShards === 1 ? STREAM : `${STREAM}:${crc32(batchId) % streamShards}`;
  }

  /** Only for the first connection: the client reconnects by itself. */
  async #connect(): Promise<void> {
    if (this.#redis.status === 'wait') await this.#redis.connect();
  }
}

const common = {
  connectionName: 'simulated-validator',
  maxRetriesPerRequest: 0,
  connectTimeout: TIMEOUT_MS,
  commandTimeout: TIMEOUT_MS,
};
const retryAfter = (tries: number) => Math.min(LONGEST_RETRY_MS, 50 * 2 ** Math.min(tries, 10));

/** `redis-cluster://host:port,host:port` names nodes of a cluster. */
function clientOf(url: string): Redis | Cluster {
  const options = { lazyConnect: true, enableOfflineQueue: false };
  if (!url.startsWith(CLUSTER)) return new Redis(url, { ...options, ...common, retryStrategy: retryAfter });
  const nodes = url.slice(CLUSTER.length).split(',');
  return new Cluster(
    nodes.map((node) => `redis://${node}`),
    { ...options, redisOptions: common, clusterRetryStrategy: retryAfter },
  );
}

/** Waits for all commands before the first failure is thrown, so that no rejection goes unhandled. */
async function allOf(commands: readonly Promise<unknown>[]): Promise<void> {
  for (const answer of await Promise.allSettled(commands)) {
    if (answer.status === 'rejected') throw answer.reason;
  }
}

/** The first word of Redis's error only: the rest may hold the command's arguments, which include addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof ReplyError) return `Redis says ${String((error as Error).message).split(' ', 1)[0]}`;
  return 'Redis cannot be reached';
}
