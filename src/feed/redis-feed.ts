import type { Redis } from 'ioredis';
import type { Cursor } from '../domain/events.js';
import { connector, DEFAULT_TIMEOUT_MS, type RedisSource } from '../redis/client.js';
import { limitConcurrency } from '../redis/concurrency-limit.js';
import { Connection } from '../redis/connection.js';
import type { Change, EpochStart, Feed, FeedEvent, Follower, Head } from './feed.js';
import { FollowedFiles } from './redis/followed-files.js';
import { RedisLog } from './redis/redis-log.js';

export interface RedisFeedOptions {
  /** Two connections are made: one for commands, one for subscriptions. */
  readonly redis: RedisSource;
  /** What all keys and the channels among gateways begin with; gateways of one installation share it. */
  readonly prefix: string;
  /** Revisions of a file whose events are kept, at most. */
  readonly history: number;
  /** Bytes of a file's events that are kept, at most. */
  readonly historyBytes: number;
  /** A file that nobody follows is forgotten this long after its last change. */
  readonly ttlMs: number;
  /** A command that is not answered in this time has failed. */
  readonly timeoutMs?: number;
  /** Told when Redis goes away and when it is back. Nothing personal is in it. */
  readonly warn?: (message: string) => void;
}

/** Files whose history is read at the same time: after a pause of Redis, all of them may have to be. */
const READS_AT_ONCE = 8;

/**
 * The feed of several gateways on one Redis: each has one of these. What has to be one step is one script there; what is
 * published is told to the followers of all gateways, and to whoever listens to the file's public channels.
 *
 * Every call answers in time, with `Fault('unavailable')` where Redis does not: the call may have been carried out then,
 * or not, and reading the head tells.
 */
export class RedisFeed implements Feed {
  readonly #commands: Connection<string>;
  readonly #log: RedisLog;
  readonly #following: FollowedFiles;
  #closing: Promise<void> | undefined;

  constructor(options: RedisFeedOptions) {
    const { redis, prefix, ttlMs, timeoutMs = DEFAULT_TIMEOUT_MS, warn = () => undefined } = options;
    const connect = connector(redis, timeoutMs);
    this.#commands = new Connection(connect('verigate-feed'), {
      onConnect: serverOf,
      heartbeatMs: timeoutMs,
      name: 'commands',
      warn,
    });
    this.#log = new RedisLog(this.#commands, options);
    const read = limitConcurrency(READS_AT_ONCE, this.#log.read.bind(this.#log));
    this.#following = new FollowedFiles(connect('verigate-feed-subscriber'), {
      prefix,
      ttlMs,
      timeoutMs,
      warn,
      read,
      keep: (fileIds) => this.#log.extendTtl(fileIds),
    });
  }

  head(fileId: string, batchIds: readonly string[]): Promise<Head | null> {
    return this.#log.head(fileId, batchIds);
  }

  begin(fileId: string, start: EpochStart, instead: string | null): Promise<void> {
    return this.#log.begin(fileId, start, instead);
  }

  append(fileId: string, expected: Cursor, change: Change): Promise<boolean> {
    return this.#log.append(fileId, expected, change);
  }

  async since(fileId: string, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null> {
    const now = await this.#log.read(fileId, cursor, upTo);
    return now.standing === 'kept' ? now.missed : null;
  }

  follow(fileId: string, follower: Follower): Promise<() => void> {
    return this.#following.follow(fileId, follower);
  }

  remove(fileId: string): Promise<void> {
    return this.#following.removeFile(fileId, (removalId) => this.#log.remove(fileId, removalId));
  }

  /** @throws Fault('unavailable') where Redis does not answer */
  async ping(): Promise<void> {
    await this.#commands.run((redis) => redis.ping());
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#following.close(), this.#commands.close()]).then(() => undefined);
    return this.#closing;
  }
}

/** Names the server process; empty where a user may not ask for it, and a restart then goes unnoticed. */
async function serverOf(redis: Redis): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? '';
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return '';
    throw error;
  }
}
