/** The files that are followed on this gateway, and the subscriptions to their channels. */

import { randomBytes } from 'node:crypto';
import { limitConcurrencyEach } from '../../concurrency-limit.js';
import type { FileId } from '../../domain/id.js';
import { portions } from '../../portions.js';
import type { SubscriptionEvents, Subscriptions } from '../../redis/subscriptions.js';
import type { Refusal } from '../../refusal.js';
import type { Follower } from '../feed.js';
import { FeedReader, type FeedReaderDeps } from './feed-reader.js';
import { Followers } from './followers.js';
import { type ByteBudget, parseMessage } from './messages.js';
import { keysOf } from './scripts.js';

interface FollowedFilesOptions extends Pick<FeedReaderDeps, 'read' | 'ttlMs'> {
  readonly prefix: string;
  readonly openSubscriptions: (events: SubscriptionEvents) => Subscriptions;
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
  /** Starts the time to live of the files again. */
  readonly extendTtl: (fileIds: readonly FileId[]) => Promise<void>;
  /** The last follower here has left a file of which no change was seen. */
  readonly leave: (fileId: FileId) => Promise<void>;
}

interface FollowedFile {
  readonly fileId: FileId;
  readonly channel: string;
  readonly followers: Followers;
  readonly reader: FeedReader;
  readonly started: Promise<void>;
}

/** Bytes of messages that may be buffered, of all files together, while histories are read. */
const BUFFER_BYTES = 32 * 2 ** 20;
/** Histories read at the same time from one server, at most: after an outage every followed file has to read its own. */
const MAX_READS = 8;
const FILES_PER_COMMAND = 500;
/** The time to live of followed files is extended this often, and at least three times before it ends. */
const EXTEND_MS = 60_000;

export class FollowedFiles {
  readonly #byChannel = new Map<string, FollowedFile>();
  readonly #subscriptions: Subscriptions;
  readonly #read: FeedReaderDeps['read'];
  readonly #budget: ByteBudget = { bytes: BUFFER_BYTES };
  /** Distinguishes the removals of this gateway from those of others. */
  readonly #gatewayId = randomBytes(9).toString('base64url');
  /** Removals of this gateway whose message has not come back yet. */
  readonly #ownRemovals = new Map<string, () => void>();
  #removalCount = 0;
  readonly #extendTimer: NodeJS.Timeout;

  constructor(private readonly options: FollowedFilesOptions) {
    this.#subscriptions = options.openSubscriptions({
      message: (channel, text) => this.#receive(channel, text),
      lost: (channels) => this.#each(channels, (reader) => reader.subscriptionLost()),
      subscribed: (channels) => this.#each(channels, (reader) => reader.catchUp()),
    });
    this.#read = limitConcurrencyEach(
      MAX_READS,
      (fileId) => this.#subscriptions.shardOf(this.#channelOf(fileId)),
      options.read,
    );
    this.#extendTimer = setInterval(
      () => void this.#extendTtls(),
      Math.max(10, Math.min(EXTEND_MS, options.ttlMs / 3)),
    ).unref();
  }

  async follow(fileId: FileId, follower: Follower): Promise<() => void> {
    const channel = this.#channelOf(fileId);
    const followed = this.#byChannel.get(channel) ?? this.#open(fileId, channel);
    followed.followers.add(follower);
    const unfollow = () => {
      if (followed.followers.delete(follower)) this.#leave(followed);
    };
    try {
      await followed.started;
    } catch (error) {
      unfollow();
      throw error;
    }
    return unfollow;
  }

  /** Carries out a removal, and reports it to the followers here after every event that was published before it. */
  async removeFile(fileId: FileId, remove: (removalId: string) => Promise<void>): Promise<void> {
    const followed = this.#byChannel.get(this.#channelOf(fileId));
    const removalId = `${this.#gatewayId}.${++this.#removalCount}`;
    const messageCameBack = this.#untilMessageCameBack(removalId);
    await remove(removalId);
    if (followed === undefined) return;
    // The message does not come where there is no subscription, or where it is lost meanwhile.
    if (followed.reader.isStarted && this.#subscriptions.isLive(followed.channel)) await messageCameBack;
    this.#reportRemoval(followed);
  }

  isFollowed(fileId: FileId): boolean {
    return this.#byChannel.has(this.#channelOf(fileId));
  }

  /** Why nothing that is published reaches the followers; undefined: it does. */
  get awayBecause(): Refusal | undefined {
    return this.#subscriptions.awayBecause;
  }

  async close(): Promise<void> {
    clearInterval(this.#extendTimer);
    for (const { reader } of [...this.#byChannel.values()]) reader.end();
    this.#byChannel.clear();
    for (const stopWaiting of this.#ownRemovals.values()) stopWaiting();
    await this.#subscriptions.close();
  }

  #channelOf(fileId: FileId): string {
    return keysOf(this.options.prefix, fileId).channel;
  }

  #open(fileId: FileId, channel: string): FollowedFile {
    const onRemoved = () => this.#reportRemoval(followed);
    const followers = new Followers(this.options.warn);
    const reader = new FeedReader(fileId, followers, {
      ...this.options,
      read: this.#read,
      budget: this.#budget,
      onRemoved,
    });
    const followed = { fileId, channel, followers, reader, started: this.#start(fileId, channel, reader) };
    this.#byChannel.set(channel, followed);
    // After a failure the next follower starts the file afresh.
    followed.started.catch(() => this.#close(followed));
    return followed;
  }

  async #start(fileId: FileId, channel: string, reader: FeedReader): Promise<void> {
    await this.#subscriptions.subscribe(channel);
    await reader.start();
    // Its last follower may have left it a moment ago.
    if (!reader.hasSeenChanges) void this.#extendTtl([fileId]);
  }

  #leave(followed: FollowedFile): void {
    const isOpen = this.#byChannel.get(followed.channel) === followed;
    this.#close(followed);
    // Where it fails, what is kept expires as it would have.
    if (isOpen && !followed.reader.hasSeenChanges)
      void this.options.leave(followed.fileId).catch(() => undefined);
  }

  #close({ channel, reader }: FollowedFile): void {
    reader.end();
    if (this.#byChannel.get(channel)?.reader !== reader) return;
    this.#byChannel.delete(channel);
    this.#subscriptions.unsubscribe(channel);
  }

  #each(channels: readonly string[], tell: (reader: FeedReader) => void): void {
    for (const channel of channels) {
      const followed = this.#byChannel.get(channel);
      if (followed !== undefined) tell(followed.reader);
    }
  }

  #receive(channel: string, text: string): void {
    const followed = this.#byChannel.get(channel);
    const message = parseMessage(text);
    if (followed === undefined || message === null) return;
    if (message.feed === 'left') {
      void this.#extendTtl([followed.fileId]);
      return;
    }
    if (message.feed !== 'removed') {
      followed.reader.receive(message);
      return;
    }
    const stopWaiting = this.#ownRemovals.get(message.id);
    // A removal of this gateway that is not waited for any more was reported already; by now the file may be another one.
    if (stopWaiting === undefined && message.id.startsWith(`${this.#gatewayId}.`)) return;
    this.#reportRemoval(followed);
    stopWaiting?.();
  }

  #reportRemoval(followed: FollowedFile): void {
    if (this.#byChannel.get(followed.channel) !== followed) return;
    if (!followed.reader.isStarted) {
      // These followers have not started with the removed file: they follow its next generation.
      followed.reader.restart();
      return;
    }
    this.#close(followed);
    followed.followers.removed();
  }

  /** Fulfilled when the message of the removal has come back from Redis, or has not come in time. */
  #untilMessageCameBack(removalId: string): Promise<void> {
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

  /** A followed file that does not change for long stays in its epoch. */
  async #extendTtls(): Promise<void> {
    for (const portion of portions([...this.#byChannel.values()], FILES_PER_COMMAND)) {
      await this.#extendTtl(portion.map(({ fileId }) => fileId));
    }
  }

  async #extendTtl(fileIds: readonly FileId[]): Promise<void> {
    // A failure was logged by the connection; the next call comes early enough.
    await this.options.extendTtl(fileIds).catch(() => undefined);
  }
}
