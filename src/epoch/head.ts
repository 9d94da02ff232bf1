/** Begins epochs: where a file's feed has no head, or that of another generation, a new one is built from the store. */

import { randomBytes } from 'node:crypto';
import { clock } from '../clock.js';
import { limitCallers } from '../concurrency-limit.js';
import { batchOfText, batchText } from '../domain/batch-text.js';
import type { BatchId, Epoch, FileId, Generation } from '../domain/id.js';
import { type FileFacts, statsOf } from '../domain/stats.js';
import { add, EMPTY_SUMMARY } from '../domain/summary.js';
import { startWindow } from '../domain/throughput.js';
import type { Feed, Head } from '../feed/feed.js';
import { inTurns } from '../portions.js';
import { SharedCalls } from '../shared-calls.js';
import type { Store } from '../store/store.js';

/** The generation in the head of a file that the store does not have. */
export const NO_GENERATION = '';

/** The heads of the files' feeds. One is built where there is none: after a restart, a lost history, or at the first request. */
export class Heads {
  /** All batches of a file are read for its head, and it may have hundreds of thousands: those who ask at once share that. */
  readonly #beginnings = new SharedCalls<FileId, void>();
  /** Heads that are built to be read, at once: of one owner, and of all. */
  readonly #places = limitCallers<void>({ ofCaller: 4, ofAll: 8 });

  constructor(
    private readonly store: Store,
    private readonly feed: Feed,
  ) {}

  async ensure(fileId: FileId): Promise<Head> {
    for (;;) {
      const head = await this.feed.head(fileId, []);
      if (head !== null) return head;
      await this.#beginnings.run(fileId, () => this.#begin(fileId));
    }
  }

  async #begin(fileId: FileId): Promise<void> {
    if ((await this.feed.head(fileId, [])) !== null) return;
    const owner = (await this.store.files.find(fileId))?.userId ?? '';
    await this.#places(owner, async () => {
      // It may have had to wait for its place.
      const facts = await this.store.files.find(fileId);
      await beginEpoch(this.store, this.feed, fileId, { facts, replaces: null, unannounced: [] });
    });
  }
}

/**
 * Deletes the feed of a file that the store does not have any more, if it is still that of the generation which was deleted.
 * Listeners that have come for a new file of this id keep theirs.
 */
export async function removeFeedOf(feed: Feed, fileId: FileId, deleted: Generation): Promise<void> {
  const head = await feed.head(fileId, []);
  if (head?.state.generation === deleted) await feed.remove(fileId);
}

interface NewEpoch {
  /** Null: the store does not have the file. */
  readonly facts: FileFacts | null;
  /** The epoch that has to be current for the new one to begin; null: none. */
  readonly replaces: Epoch | null;
  /** Batches that do not count as announced: the caller is about to announce them. */
  readonly unannounced: readonly BatchId[];
}

/** Begins an epoch in which everything that the store has counts as announced, except for `unannounced`. */
export async function beginEpoch(
  store: Store,
  feed: Feed,
  fileId: FileId,
  { facts, replaces, unannounced }: NewEpoch,
): Promise<void> {
  const batches = facts === null ? new Map<BatchId, string>() : await batchesOf(store, fileId);
  for (const batchId of unannounced) batches.delete(batchId);
  let totals = facts?.purged ?? EMPTY_SUMMARY;
  for await (const some of inTurns([...batches.values()]))
    for (const text of some) totals = add(totals, batchOfText(text).summary);
  const cursor = { epoch: randomBytes(9).toString('base64url'), revision: 0 };
  const stats = statsOf({ fileId, facts, totals, cursor, recentRate: 0 });
  const state = {
    generation: facts?.generation ?? NO_GENERATION,
    owner: facts?.userId ?? null,
    totals,
    // When the results before this epoch came is not known, so the pace begins anew.
    pace: totals.processed > 0 ? startWindow(clock.now(), totals.processed) : null,
    stats: JSON.stringify(stats),
    changes: -1,
    isEpochUnannounced: replaces !== null,
  };
  await feed.begin(fileId, { epoch: cursor.epoch, state, batches }, replaces);
  // A deletion in between found no epoch to remove, and this epoch would outlive its file.
  if (facts === null || (await store.files.find(fileId)) !== null) return;
  await beginEpoch(store, feed, fileId, { facts: null, replaces: cursor.epoch, unannounced: [] });
}

const batchesOf = async (store: Store, fileId: FileId): Promise<Map<BatchId, string>> =>
  new Map(await store.files.batches(fileId, (batch) => [batch.batchId, batchText(batch)] as const));
