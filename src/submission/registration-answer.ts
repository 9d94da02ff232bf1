/** The status of a file that is registered or submitted, in the answer. */
import { type FileFacts, type FileStatus, fileStatus } from '../domain/stats.js';
import type { Registered, Store } from '../store/store.js';

/**
 * The status of a file after a registration; `superseded`: a later request has replaced this one already. Computed from
 * the store, because the feed may still have the stats of the request before; from counts, because the batches may be many.
 */
export async function statusAfter(
  { outcome, facts }: Pick<Registered, 'outcome' | 'facts'>,
  store: Store,
): Promise<FileStatus | 'superseded'> {
  return outcome === 'superseded' || facts === null ? 'superseded' : statusOfFile(facts, store);
}

/** The status of a file now, computed from the store. */
export async function statusOfFile(facts: FileFacts, store: Store): Promise<FileStatus> {
  if (facts.purged !== undefined) return 'purged';
  const { waiting, running, stalled, completed, failed } = await store.files.batchCounts(facts.fileId);
  const begun = completed.count + running.count;
  const all = begun + failed.count + stalled.count + waiting.count;
  const status = fileStatus(
    { begun, completed: completed.count, failed: failed.count },
    Math.max(all, facts.totalBatches ?? 0),
    facts.submission ?? null,
  );
  if (status !== 'pending' || stalled.count === 0) return status;
  // A stalled batch may have begun or not.
  const haveBegun = await store.files.batches(facts.fileId, ({ summary }) => summary.begun > 0);
  return haveBegun.includes(true) ? 'processing' : 'pending';
}
