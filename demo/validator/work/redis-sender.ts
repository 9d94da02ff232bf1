import { Redis, ReplyError } from 'ioredis';
import type { RedisOptions } from '../options.js';
import type { Answer, Sender } from './sender.js';
import { textOf, type Update } from './update.js';

const CHANNEL = 'email_validation_results';
const STREAM = `${CHANNEL}:stream`;
const KEPT_S = 3600;
const TIMEOUT_MS = 3000;
const LONGEST_RETRY_MS = 2000;

/** Publishes updates on Redis, as the real one does: first the key that can be looked up, then the news of it. */
export class RedisSender implements Sender {
  // A worker of the real one waits for Redis, too: that makes as many messages of a list.
  readonly takesEach = true;
  readonly #redis: Redis;

  constructor(private readonly options: RedisOptions) {
    this.#redis = new Redis(options.url, {
      lazyConnect: true,
      connectionName: 'simulated-validator',
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
      retryStrategy: (tries) => Math.min(LONGEST_RETRY_MS, 50 * 2 ** Math.min(tries, 10)),
    });
    // Each command tells of its own failure.
    this.#redis.on('error', () => undefined);
  }

  async send(update: Update): Promise<Answer> {
    const text = textOf(update);
    const key = `validation_results:${update.batchId}`;
    try {
      await this.#connect();
      // In this order on one connection: whoever hears of the update finds it at the key.
      const kept = this.#redis.set(key, text, 'EX', KEPT_S);
      const told = this.options.isStream
        ? this.#redis.xadd(STREAM, '*', 'data', text)
        : this.#redis.publish(CHANNEL, text);
      await allOf([kept, told]);
      return { kind: 'taken' };
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

  /** The first time only: after that the client comes back by itself. */
  async #connect(): Promise<void> {
    if (this.#redis.status === 'wait') await this.#redis.connect();
  }
}

/** All of them end, and each failure is seen, before the first one is told. */
async function allOf(commands: readonly Promise<unknown>[]): Promise<void> {
  for (const answer of await Promise.allSettled(commands)) {
    if (answer.status === 'rejected') throw answer.reason;
  }
}

/** Redis's first word only: the rest of an error may hold what the command was about. */
function reasonOf(error: unknown): string {
  if (error instanceof ReplyError) return `Redis says ${String((error as Error).message).split(' ', 1)[0]}`;
  return 'Redis cannot be reached';
}
