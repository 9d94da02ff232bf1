/** The feed of a single gateway, in its memory. */

import type { Cursor } from '../domain/events.js';
import type { BatchId, Epoch, FileId } from '../domain/id.js';
import type { AnnouncedBatch } from '../domain/summary.js';
import type { Change, EpochStart, Feed, FeedEvent, FileState, Follower, Head } from './feed.js';

export interface MemoryFeedOptions {
  /** Revisions of a file whose events are kept, at most. */
  readonly history: number;
  /** Bytes of a file's events that are kept, at most. */
  readonly historyBytes: number;
  /** A file without followers is forgotten this long after its last change. */
  readonly ttlMs: number;
}

/** The current epoch of one file. */
interface FileLog {
  readonly epoch: Epoch;
  revision: number;
  emailsRevision: number;
  state: FileState;
  readonly batches: Map<BatchId, AnnouncedBatch>;
  readonly events: FeedEvent[];
  bytes: number;
  /** Revision of the newest event that was dropped: from an older revision the history has a gap. */
  floor: number;
  changedAt: number;
}

const sizeOf = ({ payload }: FeedEvent): number => Buffer.byteLength(payload);

export class MemoryFeed implements Feed {
  readonly #logs = new Map<FileId, FileLog>();
  readonly #followers = new Map<FileId, Set<Follower>>();
  readonly #sweep: NodeJS.Timeout;

  constructor(private readonly options: MemoryFeedOptions) {
    this.#sweep = setInterval(() => this.#forgetExpired(), Math.min(options.ttlMs, 30_000)).unref();
  }

  async head(fileId: FileId, batchIds: readonly BatchId[]): Promise<Head | null> {
    const log = this.#logs.get(fileId);
    if (log === undefined) return null;
    const { epoch, revision, emailsRevision, state } = log;
    const announced = batchIds.flatMap((id) => {
      const batch = log.batches.get(id);
      return batch === undefined ? [] : [[id, batch] as const];
    });
    return { epoch, revision, emailsRevision, state, batches: new Map(announced) };
  }

  async begin(fileId: FileId, start: EpochStart, replaces: Epoch | null): Promise<void> {
    if ((this.#logs.get(fileId)?.epoch ?? null) !== replaces) return;
    this.#logs.set(fileId, {
      epoch: start.epoch,
      revision: 0,
      emailsRevision: 0,
      state: start.state,
      batches: new Map(start.batches),
      events: [],
      bytes: 0,
      floor: 0,
      changedAt: performance.now(),
    });
  }

  async append(fileId: FileId, expected: Cursor, change: Change): Promise<boolean> {
    const log = this.#logs.get(fileId);
    if (log === undefined || log.epoch !== expected.epoch || log.revision !== expected.revision) return false;
    log.state = change.state;
    log.changedAt = performance.now();
    for (const [batchId, batch] of change.batches) log.batches.set(batchId, batch);
    for (const event of change.events) this.#addToHistory(log, event);
    this.#trim(log);
    // Followers come last: what they read during the call has the whole change.
    for (const event of change.events) {
      for (const follower of this.#followers.get(fileId) ?? []) follower.event(event);
    }
    return true;
  }

  async since(fileId: FileId, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null> {
    const log = this.#logs.get(fileId);
    if (log === undefined || log.epoch !== cursor.epoch) return null;
    if (cursor.revision < log.floor || cursor.revision > log.revision) return null;
    return log.events.filter(({ revision }) => revision > cursor.revision && revision <= upTo);
  }

  async follow(fileId: FileId, follower: Follower): Promise<() => void> {
    const followers = this.#followers.get(fileId) ?? new Set();
    this.#followers.set(fileId, followers.add(follower));
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(fileId) === followers) this.#followers.delete(fileId);
    };
  }

  async remove(fileId: FileId): Promise<void> {
    this.#logs.delete(fileId);
    const followers = this.#followers.get(fileId) ?? [];
    this.#followers.delete(fileId);
    for (const follower of followers) follower.removed();
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#logs.clear();
    this.#followers.clear();
  }

  /** Only `emails` events are kept: of the stats, the newest replace all earlier ones. */
  #addToHistory(log: FileLog, event: FeedEvent): void {
    log.revision = event.revision;
    if (event.feed !== 'emails') return;
    log.emailsRevision = event.revision;
    log.events.push(event);
    log.bytes += sizeOf(event);
  }

  #trim(log: FileLog): void {
    const newestToDrop = log.revision - this.options.history;
    let dropped = 0;
    for (const event of log.events) {
      if (event.revision > newestToDrop && log.bytes <= this.options.historyBytes) break;
      log.floor = event.revision;
      log.bytes -= sizeOf(event);
      dropped++;
    }
    log.events.splice(0, dropped);
  }

  #forgetExpired(): void {
    const newestExpired = performance.now() - this.options.ttlMs;
    for (const [fileId, log] of this.#logs) {
      if (log.changedAt <= newestExpired && !this.#followers.has(fileId)) this.#logs.delete(fileId);
    }
  }
}
