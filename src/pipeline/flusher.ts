import { backoff } from '../backoff.js';
import { JsonText } from '../domain/json-text.js';
import type { Stats } from '../domain/stats.js';
import type { AnnouncedBatch } from '../domain/summary.js';
import { EMPTY_SUMMARY } from '../domain/summary.js';
import { beginEpoch, NO_GENERATION } from '../epoch/head.js';
import type { Feed } from '../feed/feed.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { FileChanges, Store } from '../store/store.js';
import { changeOf } from './change.js';

export interface FlusherDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Changes of one file are gathered for this long; the first after a quiet spell goes out at once. */
  readonly intervalMs: number;
  /** Results in one event, at most. */
  readonly emailsPerEvent: number;
}

interface Pending {
  batches: Set<string>;
  /** Stored changes that are on their way here; while there are any, nobody can say that all is announced. */
  underway: number;
  /** The attempt under way; fulfilled with whether it announced what it had taken. */
  running: Promise<boolean> | null;
  /** What the attempt under way has taken; a failure puts it back. */
  taken: readonly string[];
  timer: NodeJS.Timeout | null;
  lastAt: number;
  failures: number;
}

/** Batches announced in one change, at most: their results have to fit into memory and into one step of the feed. */
const BATCHES_AT_ONCE = 64;
const RETRY = { firstMs: 100, maxMs: 5_000 };
const NEVER_ANNOUNCED: AnnouncedBatch = { version: 0, summary: EMPTY_SUMMARY };

/** Announces what the store has and the feed has not, file by file. Idempotent: flushing twice announces once. */
export class Flusher {
  readonly #files = new Map<string, Pending>();

  constructor(private readonly deps: FlusherDeps) {}

  /** A change of the file is about to be stored; the answer is called when it is, with the batches that changed. */
  expectChange(fileId: string): (changed: readonly string[] | null) => void {
    const pending = this.#pending(fileId);
    pending.underway++;
    return (changed) => {
      pending.underway--;
      if (changed !== null) this.markChanged(fileId, changed);
      else this.#schedule(fileId, pending);
    };
  }

  /** The batches have changed; an empty list: the file as a whole may have. */
  markChanged(fileId: string, batchIds: readonly string[]): void {
    const pending = this.#pending(fileId);
    for (const batchId of batchIds.length > 0 ? batchIds : ['']) pending.batches.add(batchId);
    this.#schedule(fileId, pending);
  }

  /**
   * Announces what was touched of one file until now, without waiting for its turn. Not even where the last attempt failed:
   * what stood in its way may be over. What fails here is tried again later.
   */
  async flushNow(fileId: string): Promise<void> {
    const pending = this.#files.get(fileId);
    if (pending === undefined) return;
    const wanted = new Set(pending.batches);
    const { running, taken } = pending;
    if (running !== null && !(await running)) for (const batchId of taken) wanted.add(batchId);
    const isLeft = (batchId: string) => pending.batches.has(batchId) || pending.taken.includes(batchId);
    while ([...wanted].some(isLeft)) {
      const attempt = pending.running ?? this.#run(fileId, pending);
      const { taken } = pending;
      if (!(await attempt)) return;
      // What is touched again meanwhile is somebody else's to wait for.
      for (const batchId of taken) wanted.delete(batchId);
    }
  }

  /** Announces everything that was touched until now. @throws where something of it cannot be announced */
  async drain(): Promise<void> {
    for (;;) {
      const busy = [...this.#files].filter(
        ([, { batches, running }]) => batches.size > 0 || running !== null,
      );
      if (busy.length === 0) return this.#forgetPauses();
      await Promise.all(busy.map(([fileId, pending]) => pending.running ?? this.#run(fileId, pending)));
      if (busy.some(([, { failures }]) => failures > 0)) throw new Error('a change could not be announced');
    }
  }

  /** What is left of files without changes is when they were last announced; its timers would hold the process. */
  #forgetPauses(): void {
    for (const [fileId, { timer, underway }] of this.#files) {
      if (underway > 0) continue;
      if (timer !== null) clearTimeout(timer);
      this.#files.delete(fileId);
    }
  }

  #pending(fileId: string): Pending {
    let pending = this.#files.get(fileId);
    if (pending === undefined) {
      pending = {
        batches: new Set(),
        underway: 0,
        running: null,
        taken: [],
        timer: null,
        lastAt: 0,
        failures: 0,
      };
      this.#files.set(fileId, pending);
    }
    return pending;
  }

  #schedule(fileId: string, pending: Pending): void {
    if (pending.running !== null || pending.timer !== null) return;
    const wait = pending.lastAt + this.#interval(pending) - Date.now();
    if (pending.batches.size === 0 && pending.underway === 0 && wait <= 0) {
      this.#files.delete(fileId);
      return;
    }
    if (pending.batches.size > 0 && wait <= 0) {
      void this.#run(fileId, pending);
    } else if (wait > 0) {
      pending.timer = setTimeout(() => {
        pending.timer = null;
        this.#schedule(fileId, pending);
      }, wait);
    }
  }

  /** The usual pause between two flushes, or a longer one while they fail. */
  #interval({ failures }: Pending): number {
    const { intervalMs } = this.deps;
    if (failures === 0) return intervalMs;
    return Math.max(intervalMs, backoff(failures - 1, RETRY));
  }

  #run(fileId: string, pending: Pending): Promise<boolean> {
    if (pending.timer !== null) clearTimeout(pending.timer);
    pending.timer = null;
    const batchIds = [...pending.batches].slice(0, BATCHES_AT_ONCE);
    for (const batchId of batchIds) pending.batches.delete(batchId);
    pending.taken = batchIds;
    pending.lastAt = Date.now();
    pending.running = this.#attempt(fileId, pending, batchIds).finally(() => {
      pending.running = null;
      pending.taken = [];
      this.#schedule(fileId, pending);
    });
    return pending.running;
  }

  async #attempt(fileId: string, pending: Pending, batchIds: readonly string[]): Promise<boolean> {
    try {
      if (batchIds.length > 0) await this.#flush(fileId, pending, batchIds.filter(Boolean));
      pending.failures = 0;
      return true;
    } catch (error) {
      pending.failures++;
      for (const batchId of batchIds) pending.batches.add(batchId);
      this.deps.logger.error(
        { err: error, failures: pending.failures },
        'a change could not be announced; trying again',
      );
      return false;
    }
  }

  async #flush(fileId: string, pending: Pending, batchIds: readonly string[]): Promise<void> {
    const { store, feed, metrics } = this.deps;
    for (;;) {
      const head = await feed.head(fileId, batchIds);
      const announced = new Map(batchIds.map((id) => [id, head?.batches.get(id) ?? NEVER_ANNOUNCED]));
      const isComplete = pending.underway === 0 && pending.batches.size === 0;
      const news = await store.changes.since(fileId, announced);
      if (news === null) return;
      const { facts, changes } = news;
      if (
        head === null ||
        (head.state.generation !== facts.generation && head.state.generation !== NO_GENERATION)
      ) {
        await beginEpoch(store, feed, fileId, {
          facts,
          replaces: head?.epoch ?? null,
          unannounced: batchIds,
        });
        continue;
      }
      const nothingNew = news.batches.length === 0 && head.state.changes === changes;
      const next = nothingNew ? null : changeOf(head, news, this.deps.emailsPerEvent, Date.now());
      if (next !== null && !(await feed.append(fileId, head, next.change))) {
        metrics.conflicts.inc();
        continue;
      }
      if (next !== null) metrics.flushes.inc();
      const { generation } = (next?.change ?? head).state;
      const stats = next?.stats ?? new JsonText<Stats>(head.state.stats);
      await store.changes.markAnnounced(
        fileId,
        generation,
        { changes: isComplete ? changes : null, batches: versionsOf(announced, news) },
        stats,
      );
      return;
    }
  }
}

/** What is announced now of the batches that were asked for, whether this flush did it or an earlier one. */
function versionsOf(
  announced: ReadonlyMap<string, AnnouncedBatch>,
  { batches }: FileChanges,
): Map<string, number> {
  const versions = new Map([...announced].map(([batchId, { version }]) => [batchId, version]));
  for (const { batchId, version } of batches) versions.set(batchId, version);
  return versions;
}
