/** The feed of several gateways that share one Redis. */

import type { Redis } from 'ioredis';
import { type Cursor, roomOf } from '../domain/events.js';
import type { BatchId, Epoch, FileId } from '../domain/id.js';
import { adviceOnRedis } from '../redis/advice.js';
import { askAnyNode, connector, DEFAULT_TIMEOUT_MS, isCluster, type RedisSource } from '../redis/client.js';
import { Connection, requireConnected } from '../redis/connection.js';
import { openSubscriptions } from '../redis/open-subscriptions.js';
import { probeWrites } from '../redis/probe.js';
import { refusalOf } from '../redis/refusals.js';
import type { NeededRight } from '../redis/rights.js';
import type { Change, EpochStart, Feed, FeedEvent, Follower, Head } from './feed.js';
import { FollowedFiles } from './redis/followed-files.js';
import { RedisLog, type RedisLogOptions } from './redis/redis-log.js';
import { ANY_SERVER, keysOf } from './redis/scripts.js';

export interface RedisFeedOptions extends RedisLogOptions {
  /** Two connections are made, one for commands, one for subscriptions; in a cluster one of each kind to each primary. */
  readonly redis: RedisSource;
  /** A command that is not answered in this time has failed. */
  readonly timeoutMs?: number;
  /** Called when Redis goes away and when it is back. No message holds personal data. */
  readonly warn?: (message: string) => void;
}

/**
 * Each gateway has one. Every change is one Lua script, which also publishes the events: to the followers at all gateways,
 * and on the file's public channels.
 *
 * Where Redis does not answer in time, a call ends with `Fault('unavailable')`. It may have been carried out all the same;
 * the head shows whether it was.
 */
export class RedisFeed implements Feed {
  readonly #commands: Connection<string>;
  readonly #log: RedisLog;
  readonly #followedFiles: FollowedFiles;
  #closing: Promise<void> | undefined;

  constructor(private readonly options: RedisFeedOptions) {
    const { redis, prefix, ttlMs, timeoutMs = DEFAULT_TIMEOUT_MS, warn = () => undefined } = options;
    const connect = connector(redis, timeoutMs);
    this.#commands = new Connection(connect('verigate-feed'), {
      onConnect: isCluster(redis) ? async () => ANY_SERVER : serverIdOf,
      heartbeatMs: timeoutMs,
      name: 'commands',
      warn,
    });
    this.#log = new RedisLog(this.#commands, options);
    this.#followedFiles = new FollowedFiles({
      prefix,
      ttlMs,
      timeoutMs,
      warn,
      openSubscriptions: (events) =>
        openSubscriptions(redis, 'verigate-feed-subscriber', this.#commands, events, { timeoutMs, warn }),
      read: this.#log.read.bind(this.#log),
      extendTtl: (fileIds) => this.#log.extendTtl(fileIds),
      leave: (fileId) => this.#log.leave(fileId),
    });
  }

  head(fileId: FileId, batchIds: readonly BatchId[]): Promise<Head | null> {
    return this.#log.head(fileId, batchIds);
  }

  async begin(fileId: FileId, start: EpochStart, replaces: Epoch | null): Promise<void> {
    await this.#log.begin(fileId, start, replaces);
    // A listener may leave before the epoch that it asked for begins.
    if (start.state.generation === '' && !this.#followedFiles.isFollowed(fileId))
      await this.#log.leave(fileId);
  }

  lastHead(fileId: FileId, batchIds: readonly BatchId[]): Head | null {
    return this.#log.lastHead(fileId, batchIds);
  }

  append(fileId: FileId, expected: Head | Cursor, change: Change): Promise<boolean> {
    return this.#log.append(fileId, expected, change);
  }

  async since(fileId: FileId, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null> {
    const found = await this.#log.read(fileId, cursor, upTo);
    return found.kind === 'kept' ? found.missed : null;
  }

  follow(fileId: FileId, follower: Follower): Promise<() => void> {
    return this.#followedFiles.follow(fileId, follower);
  }

  remove(fileId: FileId): Promise<void> {
    return this.#followedFiles.removeFile(fileId, (removalId) => this.#log.remove(fileId, removalId));
  }

  /** @throws Fault('unavailable') where Redis does not answer, of a cluster no primary */
  async ping(): Promise<void> {
    await this.#commands.run((redis) => askAnyNode(redis, (node) => node.ping()));
  }

  /** Writes as `append` does, on keys of its own, and looks at the subscriptions. @throws Fault with the refusal */
  async probe(): Promise<void> {
    const { prefix } = this.options;
    const rights = neededRights(prefix, isCluster(this.options.redis));
    await this.#commands.run((redis) => probeWrites(redis, 'feed', prefix, rights));
    requireConnected([this.#followedFiles]);
  }

  /** Settings of the server that should be others. @throws Fault('unavailable') */
  advice(): Promise<{ setting: string; advice: string }[]> {
    return this.#commands.run((redis) => adviceOnRedis(redis));
  }

  close(): Promise<void> {
    this.#log.close();
    this.#closing ??= Promise.all([this.#followedFiles.close(), this.#commands.close()]).then(
      () => undefined,
    );
    return this.#closing;
  }
}

/** What the scripts and the subscriptions of a file need, for a file that no listener has. */
function neededRights(prefix: string, isSharded: boolean): NeededRight[] {
  const { head, history, channel } = keysOf(prefix, 'probe');
  return [
    ['HMGET', head, 'epoch'],
    ['UNLINK', head],
    ['XRANGE', history, '-', '+'],
    ['XLEN', history],
    ['XDEL', history, '1-0'],
    [isSharded ? 'SPUBLISH' : 'PUBLISH', channel, ''],
    [isSharded ? 'SSUBSCRIBE' : 'SUBSCRIBE', channel],
    ['PUBLISH', roomOf('stats', 'probe'), ''],
    ['PUBLISH', roomOf('emails', 'probe'), ''],
  ];
}

/** The id of the server process; empty where the Redis user may not run INFO: a restart then goes unnoticed. */
async function serverIdOf(redis: Redis): Promise<string> {
  try {
    return /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1] ?? '';
  } catch (error) {
    if (refusalOf(error).code === 'NOPERM') return '';
    throw error;
  }
}
