/** The feed of a single gateway, in its memory. */

import type { Cursor } from '../domain/events.js';
import type { BatchId, Epoch, FileId } from '../domain/id.js';
import type { Change, EpochStart, Feed, FeedEvent, FeedLimits, Follower, Head } from './feed.js';
import { AnnouncedBatches } from './memory/announced-batches.js';
import { FileLog } from './memory/file-log.js';

/** Any id may be asked for. Of the files that have not begun and have no followers so many are kept, the newest. */
const MAX_AWAITED = 1_000;

interface MemoryFeedOptions extends FeedLimits {
  /** Bytes that all heads and histories may take together; see `#fit` for what goes beyond it. */
  readonly totalBytes: number;
}

export class MemoryFeed implements Feed {
  readonly #logs = new Map<FileId, FileLog>();
  readonly #followers = new Map<FileId, Set<Follower>>();
  /**
   * Files with a log and without followers, those that have not begun apart; and those with followers and a history: each in
   * the order of their last changes.
   */
  readonly #awaited = new Set<FileId>();
  readonly #unwatched = new Set<FileId>();
  readonly #watched = new Set<FileId>();
  #bytes = 0;
  readonly #sweep: NodeJS.Timeout;

  constructor(private readonly options: MemoryFeedOptions) {
    this.#sweep = setInterval(() => this.#forgetExpired(), Math.min(options.ttlMs, 30_000)).unref();
  }

  /** About what all heads and histories take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  async head(fileId: FileId, batchIds: readonly BatchId[]): Promise<Head | null> {
    return this.lastHead(fileId, batchIds);
  }

  /** Never out of date: no other gateway appends here. */
  lastHead(fileId: FileId, batchIds: readonly BatchId[]): Head | null {
    return this.#logs.get(fileId)?.head(batchIds) ?? null;
  }

  async begin(fileId: FileId, start: EpochStart, replaces: Epoch | null): Promise<void> {
    const announced = await AnnouncedBatches.withAll(start.batches);
    if ((this.#logs.get(fileId)?.epoch ?? null) !== replaces) return;
    this.#forget(fileId);
    const log = new FileLog(start, announced);
    this.#logs.set(fileId, log);
    this.#bytes += log.bytes;
    this.#fit(fileId);
  }

  async append(fileId: FileId, expected: Cursor, change: Change): Promise<boolean> {
    const log = this.#logs.get(fileId);
    if (log === undefined || !log.isAt(expected)) return false;
    this.#bytes -= log.bytes;
    log.append(change, this.options);
    this.#bytes += log.bytes;
    this.#fit(fileId);
    // Followers come last: what they read during the call has the whole change.
    for (const event of change.events) {
      for (const follower of this.#followers.get(fileId) ?? []) follower.event(event);
    }
    return true;
  }

  async since(fileId: FileId, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null> {
    return this.#logs.get(fileId)?.since(cursor, upTo) ?? null;
  }

  async follow(fileId: FileId, follower: Follower): Promise<() => void> {
    const followers = this.#followers.get(fileId) ?? new Set();
    this.#followers.set(fileId, followers.add(follower));
    this.#sort(fileId);
    return () => {
      followers.delete(follower);
      if (followers.size > 0 || this.#followers.get(fileId) !== followers) return;
      this.#followers.delete(fileId);
      this.#sort(fileId);
    };
  }

  async remove(fileId: FileId): Promise<void> {
    this.#forget(fileId);
    const followers = this.#followers.get(fileId) ?? [];
    this.#followers.delete(fileId);
    for (const follower of followers) follower.removed();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    for (const fileId of [...this.#logs.keys()]) this.#forget(fileId);
    this.#followers.clear();
  }

  /** Puts the file last in its order. */
  #sort(fileId: FileId): void {
    this.#awaited.delete(fileId);
    this.#unwatched.delete(fileId);
    this.#watched.delete(fileId);
    const log = this.#logs.get(fileId);
    if (log === undefined) return;
    if (!this.#followers.has(fileId)) (log.isAwaited ? this.#awaited : this.#unwatched).add(fileId);
    else if (log.historyBytes > 0) this.#watched.add(fileId);
  }

  /**
   * Makes room after a change of a file. First go the files without listeners, the oldest first, head and all: the head
   * is built again from the store when it is needed. Then the histories of the others, the oldest first: their heads stay,
   * because without them all their listeners would have to start over.
   */
  #fit(changed: FileId): void {
    this.#sort(changed);
    for (const fileId of this.#awaited) {
      if (this.#awaited.size <= MAX_AWAITED) break;
      this.#forget(fileId);
    }
    const { totalBytes } = this.options;
    for (const fileId of this.#withoutFollowers()) {
      if (this.#bytes <= totalBytes) return;
      // The last in the order. Forgotten before it was appended to, it would be begun again and again.
      if (fileId !== changed) this.#forget(fileId);
    }
    // Heads alone may be more than may be kept: files without a history are not looked at.
    for (const fileId of this.#watched) {
      if (this.#bytes <= totalBytes) return;
      this.#dropHistory(fileId);
    }
    if (this.#bytes > totalBytes) this.#dropHistory(changed);
  }

  *#withoutFollowers(): Iterable<FileId> {
    yield* this.#unwatched;
    yield* this.#awaited;
  }

  #dropHistory(fileId: FileId): void {
    const log = this.#logs.get(fileId);
    this.#bytes -= log?.historyBytes ?? 0;
    log?.dropHistory();
    this.#watched.delete(fileId);
  }

  #forget(fileId: FileId): void {
    this.#bytes -= this.#logs.get(fileId)?.bytes ?? 0;
    this.#logs.delete(fileId);
    this.#sort(fileId);
  }

  #forgetExpired(): void {
    const newestExpired = performance.now() - this.options.ttlMs;
    for (const fileId of this.#withoutFollowers()) {
      if ((this.#logs.get(fileId)?.changedAt ?? 0) <= newestExpired) this.#forget(fileId);
    }
  }
}
