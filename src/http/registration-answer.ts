import type { Principal } from '../auth/principal.js';
import { type FileStatus, statsOf } from '../domain/stats.js';
import { add, EMPTY_SUMMARY } from '../domain/summary.js';
import type { Registered, Store } from '../store/store.js';

/**
 * How a file stands after a registration; `superseded`: a later request had taken its place already. Reckoned from the
 * store: the stats of the feed may still be those of the request before.
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

/** Whose a file is after a registration: theirs who are named in it, else whose it was, else the caller's. */
export async function ownerOf(
  store: Store,
  fileId: string,
  named: string | null,
  { sub }: Principal,
): Promise<string | null> {
  if (named !== null || sub === null) return named;
  return (await store.files.find(fileId))?.userId ?? sub;
}
