import { randomBytes } from 'node:crypto';
import { type FileFacts, statsOf } from '../domain/stats.js';
import { type AnnouncedBatch, add, EMPTY_SUMMARY } from '../domain/summary.js';
import { startWindow } from '../domain/throughput.js';
import type { Feed, Head } from '../feed/feed.js';
import type { Store } from '../store/store.js';

/** A name that no other epoch of the file has, however many gateways name them. */
const newEpoch = (): string => randomBytes(9).toString('base64url');

/** The generation of a file that nobody has heard of. */
export const NO_GENERATION = '';

/**
 * Where the file's feed stands. One that is not kept is begun anew from the store: that is what heals a restart, a lost
 * history, and a first touch alike.
 */
export async function openHead(store: Store, feed: Feed, fileId: string): Promise<Head> {
  for (;;) {
    const head = await feed.head(fileId, []);
    if (head !== null) return head;
    await beginEpoch(store, feed, fileId, {
      facts: await store.files.find(fileId),
      replaces: null,
      unannounced: [],
    });
  }
}

export interface EpochTurn {
  readonly facts: FileFacts | null;
  /** The epoch whose place the new one takes; null: none stands. */
  readonly replaces: string | null;
  /** Batches that count as never announced in the new epoch, for a flush that is about to announce them. */
  readonly unannounced: readonly string[];
}

/** Begins an epoch in which everything that the store has, but for the batches left out, counts as announced. */
export async function beginEpoch(store: Store, feed: Feed, fileId: string, turn: EpochTurn): Promise<void> {
  const leftOut = new Set(turn.unannounced);
  const batches = new Map<string, AnnouncedBatch>();
  let totals = turn.facts?.purged ?? EMPTY_SUMMARY;
  for (const { batchId, version, summary } of turn.facts === null ? [] : await store.files.batches(fileId)) {
    if (leftOut.has(batchId)) continue;
    batches.set(batchId, { version, summary });
    totals = add(totals, summary);
  }
  const cursor = { epoch: newEpoch(), revision: 0 };
  const stats = statsOf({ fileId, facts: turn.facts, totals, cursor, recentRate: 0 });
  const state = {
    generation: turn.facts?.generation ?? NO_GENERATION,
    totals,
    // Results from before this epoch say nothing of the pace in it.
    pace: totals.processed > 0 ? startWindow(Date.now(), totals.processed) : null,
    stats: JSON.stringify(stats),
    changes: -1,
    turned: turn.replaces !== null,
  };
  await feed.begin(fileId, { epoch: cursor.epoch, state, batches }, turn.replaces);
  // A deletion in between found no epoch to remove: this one would outlive its file.
  if (turn.facts === null || (await store.files.find(fileId)) !== null) return;
  await beginEpoch(store, feed, fileId, { facts: null, replaces: cursor.epoch, unannounced: [] });
}
