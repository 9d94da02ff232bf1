import { trusted } from 'mongoose';
import { summaryOf } from './batch-docs.js';
import type { Batch, FileDoc } from './documents.js';
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
 * again, and a change that is counted twice only means one flush too many. Answers with the file as it was counted last; null: there was
 * nothing to do, or no such file.
 */
export async function settle(db: Models, life: string): Promise<FileDoc | null> {
  for (let file: FileDoc | null = null; ; ) {
    const marked = await db.batches.collection
      .find<Unsettled>(
        { life, unsettled: { $gt: '' } },
        { projection: { _id: 0, ordinal: 1, version: 1, summary: 1, changedAt: 1, unsettled: 1 } },
      )
      .limit(AT_ONCE)
      .toArray();
    if (marked.length === 0) return file;
    file = await settleSome(db, life, marked);
    if (marked.length < AT_ONCE) return file;
  }
}

async function settleSome(db: Models, life: string, marked: readonly Unsettled[]): Promise<FileDoc | null> {
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
  await db.batches.collection.updateMany({ life, unsettled: { $in: tokens } }, { $unset: { unsettled: 1 } });
  return file as FileDoc | null;
}

/** The lives of which something is not settled. */
export const unsettledLives = (db: Models, lives?: readonly string[]): Promise<string[]> =>
  db.batches
    .distinct('life', {
      life: trusted(lives === undefined ? { $gt: '' } : { $in: [...lives] }),
      unsettled: ANY,
    })
    .exec() as Promise<string[]>;
