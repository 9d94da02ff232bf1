/** The status of a file that is registered or submitted, in the answer. */
import type { FileFacts, FileStatus } from '../domain/stats.js';
import type { Registered, Store } from '../store/store.js';

/**
 * The status of a file after a registration; `superseded`: a later request has replaced this one already. Computed from
 * the store, because the feed may still have the stats of the request before; from counts, because the batches may be many.
 */
export async function statusAfter(
  { outcome, facts }: Registered,
  store: Store,
): Promise<FileStatus | 'superseded'> {
  return outcome === 'superseded' || facts === null ? 'superseded' : statusOfFile(facts, store);
}

/** The status of a file now, computed from the store. */
export async function statusOfFile(facts: FileFacts, store: Store): Promise<FileStatus> {
  if (facts.purged !== undefined) return 'purged';
  const { waiting, running, stalled, completed, failed } = await store.files.batchCounts(facts.fileId);
  const ended = completed.count + failed.count;
  const begun = ended + running.count;
  const all = begun + stalled.count + waiting.count;
  const { submission } = facts;
  // More batches come with every slice of a list.
  const areAllKnown = submission === undefined || submission.submitted >= submission.total;
  if (areAllKnown && ended > 0 && ended >= Math.max(all, facts.totalBatches ?? 0))
    return failed.count > 0 ? 'failed' : 'completed';
  if (begun > 0) return 'processing';
  // A stalled batch may have begun or not.
  const batches = stalled.count === 0 ? [] : await store.files.batches(facts.fileId);
  return batches.some(({ summary }) => summary.begun > 0) ? 'processing' : 'pending';
}
