/** The owner of a file that is registered, and its status in the answer. */
import type { Principal } from '../auth/principal.js';
import type { FileId, UserId } from '../domain/id.js';
import { type FileFacts, type FileStatus, statsOf } from '../domain/stats.js';
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
  return outcome === 'superseded' ? outcome : statusOfFile(facts, store);
}

/** The status of a file now, computed from the store. */
export async function statusOfFile(facts: FileFacts, store: Store): Promise<FileStatus> {
  const batches = await store.files.batches(facts.fileId);
  const totals = batches.reduce((sum, { summary }) => add(sum, summary), facts.purged ?? EMPTY_SUMMARY);
  return statsOf({ fileId: facts.fileId, facts, totals, cursor: { epoch: '', revision: 0 }, recentRate: 0 })
    .status;
}

/** The owner of a file after a registration: the user named in it, else the owner so far, else the caller. */
export async function ownerOf(
  store: Store,
  fileId: FileId,
  named: UserId | null,
  { sub }: Principal,
): Promise<UserId | null> {
  if (named !== null || sub === null) return named;
  return (await store.files.find(fileId))?.userId ?? sub;
}
