import type { Update } from '../domain/update.js';
import type { Feed } from '../feed/feed.js';
import type { Metrics } from '../metrics.js';
import type { Registered, Registration, Saved, Silence, Store } from '../store/store.js';
import type { Flusher } from './flusher.js';

export interface PipelineDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly flusher: Flusher;
  readonly metrics: Metrics;
}

/** Registrations remembered, so that the store is not asked for each update of a batch. */
const KNOWN_BATCHES = 10_000;

/** What happens to an update, whichever inlet it came by: which file? → save → announce. */
export class Pipeline {
  readonly #fileOf = new Map<string, string>();

  constructor(private readonly deps: PipelineDeps) {}

  async handle(update: Update): Promise<Saved['outcome']> {
    const { store, metrics } = this.deps;
    const fileId = update.fileId ?? (await this.#locate(update.batchId));
    const { outcome } = await this.#announcing(fileId, async () => {
      const saved = await store.save(update);
      const changed = saved.outcome === 'applied' ? [update.batchId] : null;
      // Registered meanwhile, or moved to another file: the store knows better than what is remembered here.
      if (changed !== null && saved.fileId !== null && saved.fileId !== fileId) {
        this.#remember(update.batchId, saved.fileId);
        this.deps.flusher.touch(saved.fileId, changed);
      }
      return { changed, outcome: saved.outcome };
    });
    metrics.updates.inc({ outcome });
    return outcome;
  }

  async register(registration: Registration): Promise<Registered> {
    const { registered } = await this.#announcing(registration.fileId, async () => {
      const result = await this.deps.store.register(registration);
      const isNews = result.outcome !== 'unchanged' && result.outcome !== 'superseded';
      return { changed: isNews ? result.touched : null, registered: result };
    });
    // Whoever registered is answered when the file's stats know of it.
    await this.deps.flusher.settle(registration.fileId);
    return registered;
  }

  async fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    const { failed } = await this.#announcing(fileId, async () => {
      const found = await this.deps.store.fail(fileId, batchId, reason);
      return { changed: found ? [batchId] : null, failed: found };
    });
    // Whoever ended the batch is answered with stats that know of it.
    if (failed) await this.deps.flusher.settle(fileId);
    return failed;
  }

  /** Marks what is silent for too long as stalled. */
  async stall(silence: Silence): Promise<void> {
    for (const { fileId, batchIds } of await this.deps.store.stall(silence))
      this.deps.flusher.touch(fileId, batchIds);
  }

  /** Purges the files that were over before a point in time, and tells their listeners. */
  async purge(before: number): Promise<number> {
    let count = 0;
    for (;;) {
      const purged = await this.deps.store.purge(before);
      if (purged.length === 0) return count;
      count += purged.length;
      // Announced one by one: each begins an epoch without the events that hold its addresses.
      for (const fileId of purged) {
        this.deps.flusher.touch(fileId, []);
        await this.deps.flusher.settle(fileId);
      }
    }
  }

  async remove(fileId: string): Promise<boolean> {
    const removed = await this.deps.store.remove(fileId);
    if (removed) await this.deps.feed.remove(fileId);
    return removed;
  }

  /** Announces what an earlier gateway on this store had no time to. */
  async catchUp(): Promise<void> {
    for (const fileId of await this.deps.store.unannounced()) this.deps.flusher.touch(fileId, []);
  }

  /** Stores something of a file and sees to it that the change is announced, come what may in between. */
  async #announcing<T extends { changed: readonly string[] | null }>(
    fileId: string | null,
    store: () => Promise<T>,
  ): Promise<T> {
    const done = fileId === null ? undefined : this.deps.flusher.expect(fileId);
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
    const known = this.#fileOf.get(batchId);
    if (known !== undefined) return known;
    const fileId = await this.deps.store.locate(batchId);
    if (fileId !== null) this.#remember(batchId, fileId);
    return fileId;
  }

  #remember(batchId: string, fileId: string): void {
    this.#fileOf.delete(batchId);
    this.#fileOf.set(batchId, fileId);
    if (this.#fileOf.size <= KNOWN_BATCHES) return;
    for (const oldest of this.#fileOf.keys()) {
      this.#fileOf.delete(oldest);
      return;
    }
  }
}
