/** The status of a file that is registered, in the answer. */
import type { FileStatus } from '../domain/stats.js';
import type { Registered, Store } from '../store/store.js';

/**
 * The status of a file after a registration; `superseded`: a later request has replaced this one already. Computed from
 * the store, because the feed may still have the stats of the request before; from counts, because the batches may be many.
 */
export async function statusAfter(
  { outcome, facts }: Registered,
  store: Store,
): Promise<FileStatus | 'superseded'> {
  if (outcome === 'superseded' || facts === null) return 'superseded';
  if (facts.purged !== undefined) return 'purged';
  const { waiting, running, stalled, completed, failed } = await store.files.batchCounts(facts.fileId);
  const ended = completed.count + failed.count;
  const begun = ended + running.count;
  const all = begun + stalled.count + waiting.count;
  if (ended > 0 && ended >= Math.max(all, facts.totalBatches ?? 0))
    return failed.count > 0 ? 'failed' : 'completed';
  if (begun > 0) return 'processing';
  // A stalled batch may have begun or not.
  const batches = stalled.count === 0 ? [] : await store.files.batches(facts.fileId);
  return batches.some(({ summary }) => summary.begun > 0) ? 'processing' : 'pending';
}
