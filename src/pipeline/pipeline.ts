/** Handles every change of a file in the same order: find the file, store the change, announce it. */

import { LRUCache } from 'lru-cache';
import type { BatchId, FileId } from '../domain/id.js';
import { type Claimant, mayReplace } from '../domain/ownership.js';
import type { Update } from '../domain/update.js';
import { NO_GENERATION } from '../epoch/head.js';
import { Fault } from '../errors.js';
import type { Feed, Follower } from '../feed/feed.js';
import type { Metrics } from '../metrics.js';
import type { DueUpdates, Registered, Registration, Saved, Silence, Store } from '../store/store.js';
import { settledWithin } from '../waiting.js';
import type { ChangeGate } from './change-gate.js';
import type { Flusher } from './flusher.js';
import { registerInSlices } from './registrations.js';

export interface PipelineDeps {
  readonly store: Store;
  readonly feed: Feed;
  readonly flusher: Flusher;
  readonly metrics: Metrics;
  readonly gate: ChangeGate;
  /** Deletes what the validator keeps of these batches; null: the gateway cannot reach it. */
  readonly deleteValidatorResults?: ((batchIds: readonly BatchId[]) => Promise<void>) | null;
}

/** Batches whose file is cached, so that the store is not read for each of their updates. */
const CACHED_BATCHES = 10_000;
/** Batches of a file that is deleted, read at once. */
const BATCHES_AT_ONCE = 1_000;

/** Looks up batches at the validator's keys; fulfilled once the updates that were found are taken in. */
export type LookUp = (batchIds: readonly BatchId[]) => Promise<void>;

/** How long a stall may wait for its look-up. The outbox sweep of another gateway waits longer, see `OVERDUE_MS`. */
export const LOOK_UP_MS = 1_500;

const NO_LISTENER: Follower = { event: () => undefined, removed: () => undefined };

export class Pipeline {
  readonly #fileIds = new LRUCache<BatchId, FileId>({ max: CACHED_BATCHES });

  /** Registrations under way. */
  readonly #registering = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor(private readonly deps: PipelineDeps) {}

  /** Ends large registrations after the slice that they are at: the same call again goes on with them. */
  async endRegistrations(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#registering);
  }

  /** `arrivedAt`: when the update came, on the monotonic clock. */
  async handle(update: Update, sender: Claimant, arrivedAt = performance.now()): Promise<Saved['outcome']> {
    const { store, metrics } = this.deps;
    const fileId = update.fileId ?? (await this.#fileOf(update.batchId));
    const { outcome } = await this.#storeAndMarkChanged(fileId, async () => {
      const saved = await store.updates.save(update, sender);
      const changed = saved.outcome === 'applied' ? [update.batchId] : null;
      // The batch was registered meanwhile, or moved to another file: the cache is out of date.
      if (changed !== null && saved.fileId !== null && saved.fileId !== fileId) {
        this.#fileIds.set(update.batchId, saved.fileId);
        this.deps.flusher.markChanged(saved.fileId, changed, arrivedAt);
      }
      return { changed, outcome: saved.outcome, arrivedAt };
    });
    metrics.updates.inc({ outcome });
    return outcome;
  }

  async register(registration: Registration, claimant: Claimant): Promise<Registered> {
    const { feed, flusher, store } = this.deps;
    const { fileId } = registration;
    const registering = registerInSlices(store.updates, registration, claimant, {
      assertMayGoOn: () => this.#assertMayGoOn(),
      register: (slice) => this.#registerSlice(slice, claimant),
      applyDue: (batchIds) => this.#applyDue({ fileId, batchIds }),
      // The caller is answered once the file's stats include the registration.
      announce: () => flusher.flushNow(fileId),
      // A followed head stays: else a feed that is short of room would have it built again for each slice.
      pinHead: () => feed.follow(fileId, NO_LISTENER),
    });
    this.#registering.add(registering);
    return registering.finally(() => this.#registering.delete(registering));
  }

  async #registerSlice(slice: Registration, claimant: Claimant): Promise<Registered> {
    const { flusher, store } = this.deps;
    const { fileId } = slice;
    const { registered } = await this.#storeAndMarkChanged(fileId, async () => {
      const result = await store.updates.register(slice, claimant);
      const isChanged = result.outcome !== 'unchanged' && result.outcome !== 'superseded';
      for (const batchId of result.touched) this.#fileIds.set(batchId, fileId);
      const fresh = new Set(result.fresh.map(({ batchId }) => batchId));
      if (isChanged && result.facts !== null)
        flusher.markRegistered(fileId, result.facts.generation, result.fresh);
      const others = result.touched.filter((batchId) => !fresh.has(batchId));
      return { changed: isChanged ? others : null, registered: result };
    });
    return registered;
  }

  /** Applies what registrations have left due because they were cut off. A batch that fails does not keep the others from it. */
  async applyDue(): Promise<void> {
    let failure: { readonly error: unknown } | null = null;
    for (const { fileId, batchIds } of await this.deps.store.updates.due())
      for (const batchId of batchIds)
        try {
          await this.#applyDue({ fileId, batchIds: [batchId] });
        } catch (error) {
          failure ??= { error };
        }
    if (failure !== null) throw failure.error;
  }

  async #applyDue({ fileId, batchIds }: DueUpdates): Promise<void> {
    for (const batchId of batchIds) {
      this.#assertMayGoOn();
      await this.#storeAndMarkChanged(fileId, async () => ({
        changed: (await this.deps.store.updates.applyDue(fileId, batchId)) ? [batchId] : null,
      }));
    }
  }

  #assertMayGoOn(): void {
    if (this.#isClosing) throw new Fault('unavailable', 'the gateway is stopping');
  }

  /** Makes a change of the file itself, and announces it. */
  async change<T>(fileId: FileId, store: () => Promise<T>): Promise<T> {
    const { result } = await this.#storeAndMarkChanged(fileId, async () => ({
      result: await store(),
      changed: [],
    }));
    return result;
  }

  async fail(fileId: FileId, batchId: BatchId, reason: string, claimant?: Claimant): Promise<boolean> {
    const { failed } = await this.#storeAndMarkChanged(fileId, async () => {
      const found = await this.deps.store.updates.fail(fileId, batchId, reason, claimant);
      return { changed: found ? [batchId] : null, failed: found };
    });
    // The caller is answered once the file's stats include the failure.
    if (failed) await this.deps.flusher.flushNow(fileId);
    return failed;
  }

  /**
   * Marks batches that have been silent for too long as stalled; of several gateways one marks each batch. Before the stall
   * is announced, `lookUp` may take in an update that was missed. The stall is announced even if it fails or takes too long.
   */
  async markStalled(silence: Silence, lookUp: LookUp = async () => undefined): Promise<void> {
    const stalled = await this.deps.store.updates.markStalled(silence);
    if (stalled.length === 0) return;
    // Until then no flush may record that everything of these files is announced.
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

  /** Purges files that ended before a time (milliseconds since 1970), and announces it. Returns their number. */
  async purge(before: number): Promise<number> {
    let count = 0;
    for (;;) {
      const purged = await this.deps.store.files.purge(before);
      if (purged.length === 0) return count;
      count += purged.length;
      // Each file begins a new epoch, because the history of the old one holds addresses.
      for (const fileId of purged) {
        this.deps.flusher.markChanged(fileId, []);
        await this.deps.flusher.flushNow(fileId);
      }
    }
  }

  async remove(fileId: FileId, claimant?: Claimant): Promise<boolean> {
    const { store, feed } = this.deps;
    const file = await store.files.find(fileId);
    // `files.remove` asks again: what is read until then is only what the validator keeps.
    if (file !== null && claimant !== undefined && !mayReplace(claimant, { ...file, producer: null }))
      throw new Fault('file_not_found');
    // The validator keeps the same addresses. First, so that the caller can repeat the deletion after a failure.
    await this.#deleteValidatorResults(fileId);
    if (!(await store.files.remove(fileId, claimant))) {
      // An earlier attempt may have deleted it from the store, and failed before the feed.
      const head = await feed.head(fileId, []);
      if (head === null || head.state.generation === NO_GENERATION) return false;
    }
    // Another file may have its id by now: the feed is that one's, which begins an epoch of its own.
    if ((await store.files.find(fileId)) === null) await feed.remove(fileId);
    return true;
  }

  async #deleteValidatorResults(fileId: FileId): Promise<void> {
    const { store, deleteValidatorResults } = this.deps;
    if (!deleteValidatorResults) return;
    for (let before: number | null = null; ; ) {
      const batches = await store.files.batchPage({
        fileId,
        limit: BATCHES_AT_ONCE,
        before,
        status: undefined,
      });
      await deleteValidatorResults(batches.map(({ batchId }) => batchId));
      const last = batches.at(-1);
      if (last === undefined || batches.length < BATCHES_AT_ONCE) return;
      before = last.ordinal;
    }
  }

  /** Queues a flush of each file that has changes in the outbox: those that any gateway stored before the time given. */
  async queueUnannounced(before?: number): Promise<void> {
    const { flusher, store } = this.deps;
    for (const { fileId, batchIds, registered } of await store.changes.unannounced(before)) {
      // Until all are marked, no flush may record that everything of the file is announced.
      const done = flusher.expectChange(fileId);
      if (registered !== undefined) flusher.markRegistered(fileId, registered.generation, registered.batches);
      done(batchIds);
    }
  }

  /** Stores a change of a file. Until it is stored and marked, no flush records that everything of the file is announced. */
  async #storeAndMarkChanged<T extends { changed: readonly BatchId[] | null; arrivedAt?: number }>(
    fileId: FileId | null,
    store: () => Promise<T>,
  ): Promise<T> {
    if (fileId !== null) await this.deps.gate.opened(fileId);
    const done = fileId === null ? undefined : this.deps.flusher.expectChange(fileId);
    let stored: T | undefined;
    try {
      stored = await store();
      return stored;
    } finally {
      done?.(stored?.changed ?? null, stored?.arrivedAt);
    }
  }

  async #fileOf(batchId: BatchId): Promise<FileId | null> {
    const cached = this.#fileIds.get(batchId);
    if (cached !== undefined) return cached;
    const fileId = await this.deps.store.updates.fileOfBatch(batchId);
    if (fileId !== null) this.#fileIds.set(batchId, fileId);
    return fileId;
  }
}
