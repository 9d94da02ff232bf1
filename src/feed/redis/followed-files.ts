import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Connection } from '../../redis/connection.js';
import type { Follower } from '../feed.js';
import { FeedReader, type FeedReaderDeps } from './feed-reader.js';
import { Followers } from './followers.js';
import { keysOf } from './keys.js';
import { parseMessage } from './message.js';
import type { ByteBudget } from './message-buffer.js';

export interface FollowedFilesOptions extends Pick<FeedReaderDeps, 'read' | 'ttlMs'> {
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
  /** Starts the time to live of the files again. */
  readonly keep: (fileIds: readonly string[]) => Promise<void>;
}

interface FollowedFile {
  readonly fileId: string;
  readonly channel: string;
  readonly audience: Followers;
  readonly trail: FeedReader;
  readonly started: Promise<void>;
}

/** Bytes of live messages that may wait, of all files together, while history is read. */
const BACKLOG_BYTES = 32 * 2 ** 20;
/** Files that go into one command. */
const FILES_AT_ONCE = 500;
/** Files that are followed are kept alive this often, or three times in their time to live. */
const KEEP_MS = 60_000;

/** The files that are followed on this gateway, and the connection that is subscribed to their channels. */
export class FollowedFiles {
  readonly #byChannel = new Map<string, FollowedFile>();
  readonly #subscriber: Connection<void>;
  readonly #budget: ByteBudget = { bytes: BACKLOG_BYTES };
  /** Tells the removals that began here from those of other gateways. */
  readonly #name = randomBytes(9).toString('base64url');
  /** Removals that began here and whose news is still to come round. */
  readonly #ownRemovals = new Map<string, () => void>();
  #removals = 0;
  readonly #keeping: NodeJS.Timeout;

  constructor(
    redis: Redis,
    private readonly options: FollowedFilesOptions,
  ) {
    redis.on('message', (channel: string, news: string) => this.#receive(channel, news));
    this.#subscriber = new Connection(redis, {
      onConnect: (connected) => this.#resubscribe(connected),
      onLost: () => {
        for (const { trail } of this.#byChannel.values()) trail.subscriptionLost();
      },
      heartbeatMs: options.timeoutMs,
      name: 'subscriptions',
      warn: options.warn,
    });
    this.#keeping = setInterval(
      () => void this.#keep(),
      Math.max(10, Math.min(KEEP_MS, options.ttlMs / 3)),
    ).unref();
  }

  async follow(fileId: string, follower: Follower): Promise<() => void> {
    const channel = this.#channelOf(fileId);
    const followed = this.#byChannel.get(channel) ?? this.#begin(fileId, channel);
    followed.audience.add(follower);
    const leave = () => {
      if (followed.audience.delete(follower)) this.#drop(followed);
    };
    try {
      await followed.started;
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** Carries out a removal, and tells the followers here of it after the events that came before it. */
  async removeFile(fileId: string, remove: (removalId: string) => Promise<void>): Promise<void> {
    const followed = this.#byChannel.get(this.#channelOf(fileId));
    const removalId = `${this.#name}.${++this.#removals}`;
    const heard = this.#hear(removalId);
    await remove(removalId);
    if (followed === undefined) return;
    // Without a subscription, or where it is lost before the news comes, nobody else will tell them.
    if (followed.trail.isStarted && this.#subscriber.isReady) await heard;
    this.#remove(followed);
  }

  async close(): Promise<void> {
    clearInterval(this.#keeping);
    for (const followed of [...this.#byChannel.values()]) followed.trail.end();
    this.#byChannel.clear();
    for (const stopWaiting of this.#ownRemovals.values()) stopWaiting();
    await this.#subscriber.close();
  }

  #channelOf(fileId: string): string {
    return keysOf(this.options.prefix, fileId).messages;
  }

  #begin(fileId: string, channel: string): FollowedFile {
    const onRemoved = () => this.#remove(followed);
    const audience = new Followers(this.options.warn);
    const trail = new FeedReader(fileId, audience, { ...this.options, budget: this.#budget, onRemoved });
    const followed = { fileId, channel, audience, trail, started: this.#start(channel, trail) };
    this.#byChannel.set(channel, followed);
    // Whoever comes after a failure begins again.
    followed.started.catch(() => this.#drop(followed));
    return followed;
  }

  async #start(channel: string, trail: FeedReader): Promise<void> {
    await this.#subscriber.run((redis) => redis.subscribe(channel));
    await trail.start();
  }

  #drop({ channel, trail }: FollowedFile): void {
    trail.end();
    if (this.#byChannel.get(channel)?.trail !== trail) return;
    this.#byChannel.delete(channel);
    // Where the connection is away, so is the subscription.
    if (this.#subscriber.isReady) {
      this.#subscriber.run((redis) => redis.unsubscribe(channel)).catch(() => undefined);
    }
  }

  #receive(channel: string, text: string): void {
    const followed = this.#byChannel.get(channel);
    const news = parseMessage(text);
    if (followed === undefined || news === null) return;
    if (news.feed !== 'removed') {
      followed.trail.receive(news);
      return;
    }
    const heard = this.#ownRemovals.get(news.id);
    // Nobody waits for one of our own any more: its followers were told without it.
    if (heard === undefined && news.id.startsWith(`${this.#name}.`)) return;
    this.#remove(followed);
    heard?.();
  }

  #remove(followed: FollowedFile): void {
    if (this.#byChannel.get(followed.channel) !== followed) return;
    if (!followed.trail.isStarted) {
      // Whoever is only about to follow the file follows its next generation.
      followed.trail.restart();
      return;
    }
    this.#drop(followed);
    followed.audience.removed();
  }

  /** Fulfilled when the news of the removal has come round, or has been waited for in vain. */
  #hear(removalId: string): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#ownRemovals.delete(removalId);
        resolve();
      };
      const timer = setTimeout(done, this.options.timeoutMs).unref();
      this.#ownRemovals.set(removalId, done);
    });
  }

  /** Whoever listens for long to a file in which nothing happens finds it in the same epoch when something does. */
  async #keep(): Promise<void> {
    try {
      for (const some of slices([...this.#byChannel.values()]))
        await this.options.keep(some.map(({ fileId }) => fileId));
    } catch {
      // Its connection has said so; the next time comes soon enough.
    }
  }

  /** A new connection knows of no subscription: all are made again, and what came meanwhile is read from the history. */
  async #resubscribe(redis: Redis): Promise<void> {
    for (const some of slices([...this.#byChannel.values()])) {
      // Those that were left meanwhile would be subscribed to for ever.
      const still = some.filter((followed) => this.#byChannel.get(followed.channel) === followed);
      if (still.length === 0) continue;
      await redis.subscribe(...still.map(({ channel }) => channel));
      for (const { trail } of still) trail.catchUp();
    }
  }
}

function* slices<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let first = 0; first < all.length; first += FILES_AT_ONCE)
    yield all.slice(first, first + FILES_AT_ONCE);
}
