import { summaryOf } from './batches/batch-docs.js';
import type { BatchHead, FileDoc } from './documents.js';
import type { Models } from './models.js';
import { addToRollups } from './rollups.js';

/** Batches settled in one go. */
const AT_ONCE = 64;

type PendingBatch = Pick<BatchHead, 'ordinal' | 'version' | 'summary' | 'changedAt' | 'pendingRollup'>;
/** Any token. The index answers this by itself; for `$exists` every document would have to be looked at. */
const ANY = { $gt: '' };

export interface RolledUp {
  /** The file as it was counted last; null: there was nothing to do, or no such file. */
  readonly file: FileDoc | null;
  /** Tokens of batches that have not changed between being found, before that count, and after it. */
  readonly unchanged: ReadonlySet<string>;
}

export const NOTHING_ROLLED_UP: RolledUp = { file: null, unchanged: new Set() };

/**
 * Brings what has changed in a generation's batches to where it is added up: its file's count of changes and the sums of its
 * results. A save leaves that to whoever reads next, who does it for many saves at once; the mark that it leaves is
 * chunk of the one write that it is, so no crash can chunk them. The marks go last: whatever fails before that is done
 * again, and a change that is counted twice only means one flush too many.
 */
export async function rollUp(db: Models, generation: string): Promise<RolledUp> {
  for (let settled = NOTHING_ROLLED_UP; ; ) {
    const marked = await db.batches.collection
      .find<PendingBatch>(
        { generation, pendingRollup: ANY },
        { projection: { _id: 0, ordinal: 1, version: 1, summary: 1, changedAt: 1, pendingRollup: 1 } },
      )
      // In this order, an index of marks is read; several begin with the generation, and the others lead through all of its batches.
      .sort({ pendingRollup: 1 })
      .limit(AT_ONCE)
      .toArray();
    if (marked.length === 0) return settled;
    settled = await rollUpSome(db, generation, marked);
    if (marked.length < AT_ONCE) return settled;
  }
}

async function rollUpSome(
  db: Models,
  generation: string,
  marked: readonly PendingBatch[],
): Promise<RolledUp> {
  const latest = new Date(Math.max(...marked.map(({ changedAt }) => changedAt.getTime())));
  const [file] = await Promise.all([
    db.files.collection.findOneAndUpdate(
      { generation },
      { $inc: { changes: 1 }, $set: { unannounced: new Date() }, $max: { lastUpdated: latest } },
      { projection: { _id: 0 }, returnDocument: 'after' },
    ),
    addToRollups(
      db,
      generation,
      marked.map((batch) => ({
        ordinal: batch.ordinal ?? 0,
        version: batch.version,
        cells: summaryOf(batch).cells,
      })),
    ),
  ]);
  const tokens = marked.flatMap(({ pendingRollup }) => pendingRollup ?? []);
  const { matchedCount } = await db.batches.collection.updateMany(
    { generation, pendingRollup: { $in: tokens } },
    { $unset: { pendingRollup: 1 } },
  );
  // Each write of a batch leaves another token: where none is missing, nobody has written meanwhile.
  const unchanged = new Set(matchedCount === tokens.length ? tokens : []);
  return { file: file as FileDoc | null, unchanged };
}
