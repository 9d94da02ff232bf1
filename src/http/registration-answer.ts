/** The status of a file that is registered, in the answer. */
import { type FileStatus, statsOf } from '../domain/stats.js';
import { add, EMPTY_SUMMARY } from '../domain/summary.js';
import type { Registered, Store } from '../store/store.js';

/**
 * The status of a file after a registration; `superseded`: a later request has replaced this one already. Computed from
 * the store, because the feed may still have the stats of the request before.
 */
export async function statusAfter(
  { outcome, facts }: Registered,
  store: Store,
): Promise<FileStatus | 'superseded'> {
  if (outcome === 'superseded') return outcome;
  const batches = await store.files.batches(facts.fileId);
  const totals = batches.reduce((sum, { summary }) => add(sum, summary), facts.purged ?? EMPTY_SUMMARY);
  return statsOf({ fileId: facts.fileId, facts, totals, cursor: { epoch: '', revision: 0 }, recentRate: 0 })
    .status;
}
