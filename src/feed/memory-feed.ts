/** The feed of a single gateway, in its memory. */

import type { Cursor } from '../domain/events.js';
import type { BatchId, Epoch, FileId } from '../domain/id.js';
import type { Change, EpochStart, Feed, FeedEvent, FeedLimits, Follower, Head } from './feed.js';
import { FileLog } from './memory/file-log.js';
import { FilesByAge } from './memory/files-by-age.js';

/** Any id may be asked for. Of the files that have not begun and have no followers so many are kept, the newest. */
const MAX_AWAITED = 1_000;
/** Of the room for all, what heads may take that were only read, where there is no room left. */
const READ_SHARE = 1 / 8;

interface MemoryFeedOptions extends FeedLimits {
  /**
   * Bytes that all histories, and the heads of files without followers, may take together; see `#fit` for what goes beyond it.
   * How many files have followers is for their callers to bound.
   */
  readonly totalBytes: number;
}

export class MemoryFeed implements Feed {
  readonly #logs = new Map<FileId, FileLog>();
  readonly #followers = new Map<FileId, Set<Follower>>();
  /** Files without followers: those that have not begun, those whose epoch has no change yet, and the others. */
  readonly #awaited = new FilesByAge();
  readonly #onlyRead = new FilesByAge();
  readonly #unwatched = new FilesByAge();
  /** Files with followers and a history, which alone counts. */
  readonly #watched = new FilesByAge();
  readonly #sweep: NodeJS.Timeout;

  constructor(private readonly options: MemoryFeedOptions) {
    this.#sweep = setInterval(() => this.#forgetExpired(), Math.min(options.ttlMs, 30_000)).unref();
  }

  /** About what all histories, and the heads of files without followers, take in memory. */
  get bytes(): number {
    return this.#awaited.bytes + this.#onlyRead.bytes + this.#unwatched.bytes + this.#watched.bytes;
  }

  async head(fileId: FileId, batchIds: readonly BatchId[]): Promise<Head | null> {
    return this.lastHead(fileId, batchIds);
  }

  /** Never out of date: no other gateway appends here. */
  lastHead(fileId: FileId, batchIds: readonly BatchId[]): Head | null {
    return this.#logs.get(fileId)?.head(batchIds) ?? null;
  }

  async begin(fileId: FileId, start: EpochStart, replaces: Epoch | null): Promise<void> {
    if ((this.#logs.get(fileId)?.epoch ?? null) !== replaces) return;
    this.#forget(fileId);
    const log = new FileLog(start);
    this.#logs.set(fileId, log);
    this.#fit(fileId);
  }

  async append(fileId: FileId, expected: Cursor, change: Change): Promise<boolean> {
    const log = this.#logs.get(fileId);
    if (log === undefined || !log.isAt(expected)) return false;
    log.append(change, this.options);
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
      this.#fit(fileId);
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
    for (const files of [this.#awaited, this.#onlyRead, this.#unwatched, this.#watched]) files.delete(fileId);
    const log = this.#logs.get(fileId);
    if (log === undefined) return;
    if (!this.#followers.has(fileId)) this.#unfollowed(log).add(fileId, log.bytes);
    else if (log.historyBytes > 0) this.#watched.add(fileId, log.historyBytes);
  }

  #unfollowed(log: FileLog): FilesByAge {
    if (log.isAwaited) return this.#awaited;
    return log.hasChanged ? this.#unwatched : this.#onlyRead;
  }

  /**
   * Makes room after a change of a file, or the beginning of its epoch. First go the files without listeners, head and all:
   * the head is built again from the store when it is needed. Of them first go those of which there is only a head, because a
   * caller who reads must not push out what others catch up with; then the oldest. Then go the histories of the others, the
   * oldest first: their heads stay, because without them all their listeners would have to start over.
   */
  #fit(changed: FileId): void {
    this.#sort(changed);
    for (const fileId of this.#awaited) {
      if (this.#awaited.size <= MAX_AWAITED) break;
      this.#forget(fileId);
    }
    const { totalBytes } = this.options;
    // A head that was just built may be large, and comes on top until the next one: it pushes out other such heads only.
    const log = this.#logs.get(changed);
    const justBuilt = log?.hasChanged === false && !this.#followers.has(changed) ? log.bytes : 0;
    const most = totalBytes + justBuilt;
    // Some stay: one that is about to be appended to would be begun again and again.
    this.#forgetOldest(this.#onlyRead, changed, most, totalBytes * READ_SHARE + justBuilt);
    for (const files of [this.#unwatched, this.#awaited, this.#onlyRead])
      this.#forgetOldest(files, changed, most);
    for (const fileId of this.#watched) {
      if (this.bytes <= most) return;
      this.#dropHistory(fileId);
    }
    if (this.bytes > most) this.#dropHistory(changed);
  }

  /** Until all together take `most`, or the files no more than `spared`. The last one that has changed stays. */
  #forgetOldest(files: FilesByAge, changed: FileId, most: number, spared = 0): void {
    for (const fileId of files) {
      if (this.bytes <= most || files.bytes <= spared) return;
      if (fileId !== changed) this.#forget(fileId);
    }
  }

  #dropHistory(fileId: FileId): void {
    this.#logs.get(fileId)?.dropHistory();
    this.#sort(fileId);
  }

  #forget(fileId: FileId): void {
    this.#logs.delete(fileId);
    this.#sort(fileId);
  }

  #forgetExpired(): void {
    const newestExpired = performance.now() - this.options.ttlMs;
    for (const files of [this.#awaited, this.#onlyRead, this.#unwatched])
      for (const fileId of files) {
        if ((this.#logs.get(fileId)?.changedAt ?? 0) <= newestExpired) this.#forget(fileId);
      }
  }
}
