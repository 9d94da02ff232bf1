import type { Cursor } from '../domain/events.js';
import type { AnnouncedBatch } from '../domain/summary.js';
import type { Change, EpochStart, Feed, FeedEvent, FileState, Follower, Head } from './feed.js';

export interface MemoryFeedOptions {
  /** Revisions of a file whose events are kept, at most. */
  readonly history: number;
  /** Bytes of a file's events that are kept, at most. */
  readonly historyBytes: number;
  /** A file that nobody follows is forgotten this long after its last change. */
  readonly ttlMs: number;
}

interface Log {
  readonly epoch: string;
  revision: number;
  emailsRevision: number;
  state: FileState;
  readonly batches: Map<string, AnnouncedBatch>;
  readonly events: FeedEvent[];
  bytes: number;
  /** Revision of the newest event that was dropped: whoever is behind it has to start over. */
  floor: number;
  changedAt: number;
}

const sizeOf = ({ payload }: FeedEvent): number => Buffer.byteLength(payload);

/** The feed of a single gateway: everything in this process, and gone with it. */
export class MemoryFeed implements Feed {
  readonly #logs = new Map<string, Log>();
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #sweep: NodeJS.Timeout;

  constructor(private readonly options: MemoryFeedOptions) {
    this.#sweep = setInterval(() => this.#forgetOld(), Math.min(options.ttlMs, 30_000)).unref();
  }

  async head(fileId: string, batchIds: readonly string[]): Promise<Head | null> {
    const log = this.#logs.get(fileId);
    if (log === undefined) return null;
    const { epoch, revision, emailsRevision, state } = log;
    const known = batchIds.flatMap((id) => {
      const batch = log.batches.get(id);
      return batch === undefined ? [] : [[id, batch] as const];
    });
    return { epoch, revision, emailsRevision, state, batches: new Map(known) };
  }

  async begin(fileId: string, start: EpochStart, instead: string | null): Promise<void> {
    if ((this.#logs.get(fileId)?.epoch ?? null) !== instead) return;
    this.#logs.set(fileId, {
      epoch: start.epoch,
      revision: 0,
      emailsRevision: 0,
      state: start.state,
      batches: new Map(start.batches),
      events: [],
      bytes: 0,
      floor: 0,
      changedAt: Date.now(),
    });
  }

  async append(fileId: string, expected: Cursor, change: Change): Promise<boolean> {
    const log = this.#logs.get(fileId);
    if (log === undefined || log.epoch !== expected.epoch || log.revision !== expected.revision) return false;
    log.state = change.state;
    log.changedAt = Date.now();
    for (const [batchId, batch] of change.batches) log.batches.set(batchId, batch);
    for (const event of change.events) this.#keep(log, event);
    this.#trim(log);
    // Followers are told last: whatever they read now has the change already.
    for (const event of change.events) {
      for (const follower of this.#followers.get(fileId) ?? []) follower.event(event);
    }
    return true;
  }

  async since(fileId: string, cursor: Cursor, upTo: number): Promise<FeedEvent[] | null> {
    const log = this.#logs.get(fileId);
    if (log === undefined || log.epoch !== cursor.epoch) return null;
    if (cursor.revision < log.floor || cursor.revision > log.revision) return null;
    return log.events.filter(({ revision }) => revision > cursor.revision && revision <= upTo);
  }

  async follow(fileId: string, follower: Follower): Promise<() => void> {
    const followers = this.#followers.get(fileId) ?? new Set();
    this.#followers.set(fileId, followers.add(follower));
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(fileId) === followers) this.#followers.delete(fileId);
    };
  }

  async remove(fileId: string): Promise<void> {
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

  /** Only `emails` events are worth keeping: of the stats, the newest is all that anybody needs. */
  #keep(log: Log, event: FeedEvent): void {
    log.revision = event.revision;
    if (event.feed !== 'emails') return;
    log.emailsRevision = event.revision;
    log.events.push(event);
    log.bytes += sizeOf(event);
  }

  #trim(log: Log): void {
    const oldest = log.revision - this.options.history;
    let dropped = 0;
    for (const event of log.events) {
      if (event.revision > oldest && log.bytes <= this.options.historyBytes) break;
      log.floor = event.revision;
      log.bytes -= sizeOf(event);
      dropped++;
    }
    log.events.splice(0, dropped);
  }

  #forgetOld(): void {
    const oldest = Date.now() - this.options.ttlMs;
    for (const [fileId, log] of this.#logs) {
      if (log.changedAt <= oldest && !this.#followers.has(fileId)) this.#logs.delete(fileId);
    }
  }
}
