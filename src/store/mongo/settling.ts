import { summaryOf } from './batch-docs.js';
import type { Batch, FileDoc } from './documents.js';
import type { Models } from './models.js';
import { addToSums } from './sums.js';

/** Batches settled in one go. */
const AT_ONCE = 64;

type Unsettled = Pick<Batch, 'ordinal' | 'version' | 'summary' | 'changedAt' | 'unsettled'>;
/** Any token. The index answers this by itself; for `$exists` every document would have to be looked at. */
const ANY = { $gt: '' };

export interface Settled {
  /** The file as it was counted last; null: there was nothing to do, or no such file. */
  readonly file: FileDoc | null;
  /** Tokens of batches that have not changed between being found, before that count, and after it. */
  readonly unchanged: ReadonlySet<string>;
}

export const NOTHING_SETTLED: Settled = { file: null, unchanged: new Set() };

/**
 * Brings what has changed in a life's batches to where it is added up: its file's count of changes and the sums of its
 * results. A save leaves that to whoever reads next, who does it for many saves at once; the mark that it leaves is
 * part of the one write that it is, so no crash can part them. The marks go last: whatever fails before that is done
 * again, and a change that is counted twice only means one flush too many.
 */
export async function settle(db: Models, life: string): Promise<Settled> {
  for (let settled = NOTHING_SETTLED; ; ) {
    const marked = await db.batches.collection
      .find<Unsettled>(
        { life, unsettled: ANY },
        { projection: { _id: 0, ordinal: 1, version: 1, summary: 1, changedAt: 1, unsettled: 1 } },
      )
      // In this order, an index of marks is read; several begin with the life, and the others lead through all of its batches.
      .sort({ unsettled: 1 })
      .limit(AT_ONCE)
      .toArray();
    if (marked.length === 0) return settled;
    settled = await settleSome(db, life, marked);
    if (marked.length < AT_ONCE) return settled;
  }
}

async function settleSome(db: Models, life: string, marked: readonly Unsettled[]): Promise<Settled> {
  const latest = new Date(Math.max(...marked.map(({ changedAt }) => changedAt.getTime())));
  const [file] = await Promise.all([
    db.files.collection.findOneAndUpdate(
      { life },
      { $inc: { changes: 1 }, $set: { unannounced: new Date() }, $max: { lastUpdated: latest } },
      { projection: { _id: 0 }, returnDocument: 'after' },
    ),
    addToSums(
      db,
      life,
      marked.map((batch) => ({
        ordinal: batch.ordinal ?? 0,
        version: batch.version,
        cells: summaryOf(batch).cells,
      })),
    ),
  ]);
  const tokens = marked.flatMap(({ unsettled }) => unsettled ?? []);
  const { matchedCount } = await db.batches.collection.updateMany(
    { life, unsettled: { $in: tokens } },
    { $unset: { unsettled: 1 } },
  );
  // Each write of a batch leaves another token: where none is missing, nobody has written meanwhile.
  const unchanged = new Set(matchedCount === tokens.length ? tokens : []);
  return { file: file as FileDoc | null, unchanged };
}
