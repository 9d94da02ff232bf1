import { randomBytes } from 'node:crypto';
import { type FileFacts, statsOf } from '../domain/stats.js';
import { type Announced, add, NOTHING } from '../domain/summary.js';
import { paceFrom } from '../domain/throughput.js';
import type { Feed, Head } from '../feed/feed.js';
import type { Store } from '../store/store.js';

/** A name that no other epoch of the file has, however many gateways name them. */
const newEpoch = (): string => randomBytes(9).toString('base64url');

/** The life of a file that nobody has heard of. */
export const NO_LIFE = '';

/**
 * Where the file's feed stands. One that is not kept is begun anew from the store: that is what heals a restart, a lost
 * history, and a first touch alike.
 */
export async function openHead(store: Store, feed: Feed, fileId: string): Promise<Head> {
  for (;;) {
    const head = await feed.head(fileId, []);
    if (head !== null) return head;
    await beginEpoch(store, feed, fileId, {
      facts: await store.file(fileId),
      instead: null,
      unannounced: [],
    });
  }
}

export interface Turn {
  readonly facts: FileFacts | null;
  /** The epoch whose place the new one takes; null: none stands. */
  readonly instead: string | null;
  /** Batches that count as never announced in the new epoch, for a flush that is about to announce them. */
  readonly unannounced: readonly string[];
}

/** Begins an epoch in which everything that the store has, but for the batches left out, counts as announced. */
export async function beginEpoch(store: Store, feed: Feed, fileId: string, turn: Turn): Promise<void> {
  const leftOut = new Set(turn.unannounced);
  const batches = new Map<string, Announced>();
  let totals = turn.facts?.purged ?? NOTHING;
  for (const { batchId, version, summary } of turn.facts === null ? [] : await store.batches(fileId)) {
    if (leftOut.has(batchId)) continue;
    batches.set(batchId, { version, summary });
    totals = add(totals, summary);
  }
  const cursor = { epoch: newEpoch(), revision: 0 };
  const stats = statsOf({ fileId, facts: turn.facts, totals, cursor, recentRate: 0 });
  const state = {
    life: turn.facts?.life ?? NO_LIFE,
    totals,
    // Results from before this epoch say nothing of the pace in it.
    pace: totals.processed > 0 ? paceFrom(Date.now(), totals.processed) : null,
    stats: JSON.stringify(stats),
    changes: -1,
    turned: turn.instead !== null,
  };
  await feed.begin(fileId, { epoch: cursor.epoch, state, batches }, turn.instead);
  // A deletion in between found no epoch to remove: this one would outlive its file.
  if (turn.facts === null || (await store.file(fileId)) !== null) return;
  await beginEpoch(store, feed, fileId, { facts: null, instead: cursor.epoch, unannounced: [] });
}
