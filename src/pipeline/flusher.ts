/** Decides when each file is flushed: at once after a quiet spell, then once an interval, and again after a failure. */

import type { BatchId, FileId, Generation } from '../domain/id.js';
import { RepeatLog } from '../log-repeats.js';
import type { Logger } from '../logger.js';
import type { FreshBatch } from '../store/store.js';
import { backoff } from '../waiting.js';
import { type FlushDeps, flush, type NewBatch, type ToFlush } from './flush.js';

interface FlusherDeps extends FlushDeps {
  readonly logger: Logger;
  /** Changes of one file are gathered for this long; the first one after a quiet spell is announced at once. */
  readonly intervalMs: number;
}

interface PendingFile {
  /** Changed batches that no flush has taken yet; `WHOLE_FILE`: the file itself may have changed. */
  readonly batches: Set<BatchId>;
  /** Those of them that only updates have changed which this gateway has stored. */
  readonly saved: Set<BatchId>;
  /** Registered batches without an update, which no flush has taken yet. */
  readonly registered: Map<BatchId, NewBatch>;
  /** Changes that are being stored. While there are any, no flush is known to announce everything. */
  storing: number;
  /** The flush in progress; fulfilled with whether it succeeded. */
  flushing: Promise<boolean> | null;
  /** The batches that the flush in progress has taken; after a failure they are pending again. */
  taken: readonly BatchId[];
  timer: NodeJS.Timeout | null;
  /** On the monotonic clock. */
  flushedAt: number;
  failures: number;
  /** When the oldest update that no flush has taken yet arrived; undefined: there is none. */
  arrivedAt: number | undefined;
}

/** No batch id is empty. */
const WHOLE_FILE = '';
/** Batches that one flush announces at most: their results have to fit into memory and into one append to the feed. */
const BATCHES_PER_FLUSH = 64;
/** Batches without results that one flush announces beside them. */
const REGISTERED_PER_FLUSH = 1_000;
const RETRY = { firstMs: 100, maxMs: 5_000 };

/** Idempotent: a batch that is marked twice is announced once. */
export class Flusher {
  readonly #files = new Map<FileId, PendingFile>();
  readonly #log: RepeatLog;

  constructor(private readonly deps: FlusherDeps) {
    this.#log = new RepeatLog(deps.logger);
  }

  /**
   * Call it before a change of the file is stored, and the returned function afterwards, with the batches that changed
   * (null: none).
   */
  expectChange(fileId: FileId): (changed: readonly BatchId[] | null, arrivedAt?: number) => void {
    const file = this.#fileOf(fileId);
    file.storing++;
    return (changed, arrivedAt) => {
      file.storing--;
      if (changed !== null) this.markChanged(fileId, changed, arrivedAt);
      else this.#schedule(fileId, file);
    };
  }

  /**
   * The batches have changed; an empty list: the file itself may have changed. `arrivedAt`: when the update came that has
   * changed them, where this gateway has stored it.
   */
  markChanged(fileId: FileId, batchIds: readonly BatchId[], arrivedAt?: number): void {
    const file = this.#fileOf(fileId);
    file.arrivedAt = earlier(file.arrivedAt, arrivedAt);
    for (const batchId of batchIds.length > 0 ? batchIds : [WHOLE_FILE]) {
      if (arrivedAt === undefined) file.saved.delete(batchId);
      else if (!file.batches.has(batchId)) file.saved.add(batchId);
      file.batches.add(batchId);
    }
    this.#schedule(fileId, file);
  }

  /** The batches are new, and had no update when they were registered: a flush has room for many of them. */
  markRegistered(fileId: FileId, generation: Generation, batches: readonly FreshBatch[]): void {
    const file = this.#fileOf(fileId);
    for (const batch of batches) file.registered.set(batch.batchId, { ...batch, generation });
    this.#schedule(fileId, file);
  }

  /**
   * Announces what was marked until now without waiting for the interval, nor for the pause after a failure: its reason may
   * be gone. What fails here is tried again later.
   */
  async flushNow(fileId: FileId): Promise<void> {
    const file = this.#files.get(fileId);
    if (file === undefined) return;
    const wanted = new Set([...file.batches, ...file.registered.keys()]);
    const { flushing, taken } = file;
    if (flushing !== null && !(await flushing)) for (const batchId of taken) wanted.add(batchId);
    const isPending = (batchId: BatchId) =>
      file.batches.has(batchId) || file.registered.has(batchId) || file.taken.includes(batchId);
    while ([...wanted].some(isPending)) {
      const attempt = file.flushing ?? this.#flush(fileId, file);
      const { taken } = file;
      if (!(await attempt)) return;
      // A batch that is marked again meanwhile is not waited for.
      for (const batchId of taken) wanted.delete(batchId);
    }
  }

  /** Announces everything that was marked until now. @throws where something cannot be announced */
  async drain(): Promise<void> {
    for (;;) {
      const busy = [...this.#files].filter(([, file]) => isMarked(file) || file.flushing !== null);
      if (busy.length === 0) return this.#forgetQuietFiles();
      await Promise.all(busy.map(([fileId, file]) => file.flushing ?? this.#flush(fileId, file)));
      if (busy.some(([, { failures }]) => failures > 0)) throw new Error('a change could not be announced');
    }
  }

  /** Files without changes only remember when they were last flushed; their timers would keep the process alive. */
  #forgetQuietFiles(): void {
    for (const [fileId, { timer, storing }] of this.#files) {
      if (storing > 0) continue;
      if (timer !== null) clearTimeout(timer);
      this.#files.delete(fileId);
    }
  }

  #fileOf(fileId: FileId): PendingFile {
    let file = this.#files.get(fileId);
    if (file === undefined) {
      file = {
        batches: new Set(),
        saved: new Set(),
        registered: new Map(),
        storing: 0,
        flushing: null,
        taken: [],
        timer: null,
        flushedAt: Number.NEGATIVE_INFINITY,
        failures: 0,
        arrivedAt: undefined,
      };
      this.#files.set(fileId, file);
    }
    return file;
  }

  /** Flushes now, sets a timer for the end of the interval, or forgets a file that has been quiet for one. */
  #schedule(fileId: FileId, file: PendingFile): void {
    if (file.flushing !== null || file.timer !== null) return;
    const waitMs = file.flushedAt + this.#intervalMs(file) - performance.now();
    if (!isMarked(file) && file.storing === 0 && waitMs <= 0) {
      this.#files.delete(fileId);
      return;
    }
    if (isMarked(file) && waitMs <= 0) {
      void this.#flush(fileId, file);
    } else if (waitMs > 0) {
      file.timer = setTimeout(() => {
        file.timer = null;
        this.#schedule(fileId, file);
      }, waitMs);
    }
  }

  #intervalMs({ failures }: PendingFile): number {
    const { intervalMs } = this.deps;
    return failures === 0 ? intervalMs : Math.max(intervalMs, backoff(failures - 1, RETRY));
  }

  #flush(fileId: FileId, file: PendingFile): Promise<boolean> {
    if (file.timer !== null) clearTimeout(file.timer);
    file.timer = null;
    const changed = takeFirst(file.batches, BATCHES_PER_FLUSH);
    const registered = [...file.registered.values()].slice(0, REGISTERED_PER_FLUSH);
    for (const { batchId } of registered) file.registered.delete(batchId);
    file.taken = [...changed, ...registered.map(({ batchId }) => batchId)];
    file.flushedAt = performance.now();
    const saved = new Set(changed.filter((batchId) => file.saved.delete(batchId)));
    file.flushing = this.#attempt(fileId, file, { changed, saved, registered }).finally(() => {
      file.flushing = null;
      file.taken = [];
      this.#schedule(fileId, file);
    });
    return file.flushing;
  }

  async #attempt(
    fileId: FileId,
    file: PendingFile,
    { changed, saved, registered }: ToFlush,
  ): Promise<boolean> {
    const hasOtherChanges = () => file.storing > 0 || isMarked(file);
    const { arrivedAt } = file;
    file.arrivedAt = undefined;
    try {
      if (changed.length > 0 || registered.length > 0)
        await flush(
          this.deps,
          fileId,
          { changed: changed.filter((batchId) => batchId !== WHOLE_FILE), saved, registered },
          hasOtherChanges,
          arrivedAt,
        );
      file.failures = 0;
      return true;
    } catch (error) {
      file.failures++;
      file.arrivedAt = earlier(file.arrivedAt, arrivedAt);
      this.deps.metrics.flushFailures.inc();
      for (const batchId of changed) {
        file.batches.add(batchId);
        if (!saved.has(batchId)) file.saved.delete(batchId);
      }
      for (const batch of registered) file.registered.set(batch.batchId, batch);
      this.#log.log('error', error, 'the gateway failed to announce a change and tries again');
      return false;
    }
  }
}

const earlier = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);

const isMarked = ({ batches, registered }: PendingFile): boolean => batches.size > 0 || registered.size > 0;

/** Takes some of a set, the first ones first. */
function takeFirst(batchIds: Set<BatchId>, count: number): BatchId[] {
  const some: BatchId[] = [];
  for (const batchId of batchIds) {
    if (some.length === count) break;
    some.push(batchId);
    batchIds.delete(batchId);
  }
  return some;
}
