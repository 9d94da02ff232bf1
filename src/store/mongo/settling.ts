import { trusted } from 'mongoose';
import { summaryOf } from './batch-docs.js';
import type { Batch } from './documents.js';
import type { Models } from './models.js';
import { addToSums } from './sums.js';

/** Batches settled in one go. */
const AT_ONCE = 64;

type Unsettled = Pick<Batch, 'ordinal' | 'version' | 'summary' | 'changedAt' | 'unsettled'>;
/** Any token. The index answers this by itself; for `$exists` every document would have to be looked at. */
const ANY = trusted({ $gt: '' });

/**
 * Brings what has changed in a life's batches to where it is added up: its file's count of changes and the sums of its
 * results. A save leaves that to whoever reads next, who does it for many saves at once; the mark that it leaves is
 * part of the one write that it is, so no crash can part them. The marks go last: whatever fails before that is done
 * again, and a change that is counted twice only means one flush too many. Answers whether there was anything to do.
 */
export async function settle(db: Models, life: string): Promise<boolean> {
  for (let any = false; ; any = true) {
    const marked = await db.batches
      .find(
        { life, unsettled: ANY },
        { _id: 0, ordinal: 1, version: 1, summary: 1, changedAt: 1, unsettled: 1 },
      )
      .limit(AT_ONCE)
      .lean<Unsettled[]>()
      .exec();
    if (marked.length === 0) return any;
    await settleSome(db, life, marked);
    if (marked.length < AT_ONCE) return true;
  }
}

async function settleSome(db: Models, life: string, marked: readonly Unsettled[]): Promise<void> {
  const latest = new Date(Math.max(...marked.map(({ changedAt }) => changedAt.getTime())));
  await Promise.all([
    db.files.updateOne(
      { life },
      { $inc: { changes: 1 }, $set: { unannounced: new Date() }, $max: { lastUpdated: latest } },
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
  await db.batches.updateMany({ life, unsettled: trusted({ $in: tokens }) }, { $unset: { unsettled: 1 } });
}

/** The lives of which something is not settled. */
export const unsettledLives = (db: Models, lives?: readonly string[]): Promise<string[]> =>
  db.batches
    .distinct('life', {
      life: trusted(lives === undefined ? { $gt: '' } : { $in: [...lives] }),
      unsettled: ANY,
    })
    .exec() as Promise<string[]>;
