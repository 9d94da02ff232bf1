import { LRUCache } from 'lru-cache';
import type { BatchId, FileId } from '../domain/id.js';
import type { Update } from '../domain/update.js';
import { NO_GENERATION } from '../epoch/head.js';
import type { Feed } from '../feed/feed.js';
import type { Metrics } from '../metrics.js';
import type { Registered, Registration, Saved, Silence, Store } from '../store/store.js';
import { settledWithin } from '../within.js';
import type { Flusher } from './flusher.js';

export interface PipelineDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly flusher: Flusher;
  readonly metrics: Metrics;
  /** Deletes what the producer keeps of these batches; null: that is nowhere within reach. */
  readonly forget?: ((batchIds: readonly string[]) => Promise<void>) | null;
}

/** Registrations remembered, so that the store is not asked for each update of a batch. */
const KNOWN_BATCHES = 10_000;

/** Looks for news of batches where their producer keeps it; fulfilled once what was found is taken in. */
export type LookUp = (batchIds: readonly string[]) => Promise<void>;

/** How long the stall of a batch may wait for its look-up: not until other gateways think it forgotten. */
const LOOK_UP_MS = 1_500;

/** What happens to an update, whichever inlet it came by: which file? → save → announce. */
export class Pipeline {
  readonly #fileIds = new LRUCache<BatchId, FileId>({ max: KNOWN_BATCHES });

  constructor(private readonly deps: PipelineDeps) {}

  async handle(update: Update): Promise<Saved['outcome']> {
    const { store, metrics } = this.deps;
    const fileId = update.fileId ?? (await this.#locate(update.batchId));
    const { outcome } = await this.#announcing(fileId, async () => {
      const saved = await store.updates.save(update);
      const changed = saved.outcome === 'applied' ? [update.batchId] : null;
      // Registered meanwhile, or moved to another file: the store knows better than what is remembered here.
      if (changed !== null && saved.fileId !== null && saved.fileId !== fileId) {
        this.#fileIds.set(update.batchId, saved.fileId);
        this.deps.flusher.markChanged(saved.fileId, changed);
      }
      return { changed, outcome: saved.outcome };
    });
    metrics.updates.inc({ outcome });
    return outcome;
  }

  async register(registration: Registration): Promise<Registered> {
    const { registered } = await this.#announcing(registration.fileId, async () => {
      const result = await this.deps.store.updates.register(registration);
      const isNews = result.outcome !== 'unchanged' && result.outcome !== 'superseded';
      // Only those that may soon be asked for: a large request has more than there is room for.
      for (const batchId of result.touched.slice(0, KNOWN_BATCHES))
        this.#fileIds.set(batchId, result.facts.fileId);
      return { changed: isNews ? result.touched : null, registered: result };
    });
    // Whoever registered is answered when the file's stats know of it.
    await this.deps.flusher.flushNow(registration.fileId);
    return registered;
  }

  async fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    const { failed } = await this.#announcing(fileId, async () => {
      const found = await this.deps.store.updates.fail(fileId, batchId, reason);
      return { changed: found ? [batchId] : null, failed: found };
    });
    // Whoever ended the batch is answered with stats that know of it.
    if (failed) await this.deps.flusher.flushNow(fileId);
    return failed;
  }

  /**
   * Marks what is silent for too long as stalled. Before that is announced, `lookUp` may find news that was missed, and
   * take it in: of several gateways one gets each batch. It may fail or dawdle: the stall is announced all the same.
   */
  async markStalled(silence: Silence, lookUp: LookUp = async () => undefined): Promise<void> {
    const stalled = await this.deps.store.updates.markStalled(silence);
    if (stalled.length === 0) return;
    // Meanwhile nobody may say of these files that all is announced.
    const announce = stalled.map(({ fileId, batchIds }) => {
      const done = this.deps.flusher.expectChange(fileId);
      return () => done(batchIds);
    });
    try {
      await settledWithin(LOOK_UP_MS, lookUp(stalled.flatMap(({ batchIds }) => batchIds)));
    } finally {
      for (const announceFile of announce) announceFile();
    }
  }

  /** Purges the files that were over before a point in time, and tells their listeners. */
  async purge(before: number): Promise<number> {
    let count = 0;
    for (;;) {
      const purged = await this.deps.store.files.purge(before);
      if (purged.length === 0) return count;
      count += purged.length;
      // Announced one by one: each begins an epoch without the events that hold its addresses.
      for (const fileId of purged) {
        this.deps.flusher.markChanged(fileId, []);
        await this.deps.flusher.flushNow(fileId);
      }
    }
  }

  async remove(fileId: string): Promise<boolean> {
    const { store, feed, forget } = this.deps;
    // The same addresses. First, so that a failure leaves something that can be deleted again.
    await forget?.((await store.files.batches(fileId)).map(({ batchId }) => batchId));
    if (!(await store.files.remove(fileId))) {
      // An earlier attempt may have come as far as the store, and no further.
      const head = await feed.head(fileId, []);
      if (head === null || head.state.generation === NO_GENERATION) return false;
    }
    await feed.remove(fileId);
    return true;
  }

  /** Announces what another gateway on this store had no time to, if it was stored before the given time. */
  async announceOverdue(before?: number): Promise<void> {
    for (const { fileId, batchIds } of await this.deps.store.changes.unannounced(before))
      this.deps.flusher.markChanged(fileId, batchIds);
  }

  /** Stores something of a file and sees to it that the change is announced, come what may in between. */
  async #announcing<T extends { changed: readonly string[] | null }>(
    fileId: string | null,
    store: () => Promise<T>,
  ): Promise<T> {
    const done = fileId === null ? undefined : this.deps.flusher.expectChange(fileId);
    let changed: readonly string[] | null = null;
    try {
      const stored = await store();
      changed = stored.changed;
      return stored;
    } finally {
      done?.(changed);
    }
  }

  async #locate(batchId: string): Promise<string | null> {
    const known = this.#fileIds.get(batchId);
    if (known !== undefined) return known;
    const fileId = await this.deps.store.updates.fileOfBatch(batchId);
    if (fileId !== null) this.#fileIds.set(batchId, fileId);
    return fileId;
  }
}
