/** Finds the marks on batches and files whose changes may still have to be announced: for the sweep and for reads. */

import { trusted } from 'mongoose';
import type { FileId, Generation } from '../../domain/id.js';
import type { PendingChanges, Unannounced } from '../store.js';
import { type AnnouncedMarks, type MarkedBatch, UNMARK } from './announced-marks.js';
import type { HeldUpdates } from './batches/held-updates.js';
import type { BatchDoc } from './documents/batches.js';
import type { FileDoc } from './documents/files.js';
import { filesOfGenerations, findFile } from './generations.js';
import { findDocs, findFields, type Models } from './models.js';
import { completeRegistration } from './registration/pending-registrations.js';

/** Marks read in one go; the next call reads the next ones. */
const MARKS_AT_ONCE = 1_000;
/** Of all files: marks last for less than a second. */
const FEW_MARKS = 500;
/** The latest time that a date can be. */
const MAX_TIME = 8.64e15;

/** Removes the mark of a file, if no change at all was stored since. */
export const UNMARK_FILE = { $unset: { unannounced: 1, unannouncedFrom: 1 } } as const;

/** The batches of a file whose registration may not be announced, those without an update apart. */
async function registeredUnannounced(
  db: Models,
  { fileId, generation, unannouncedFrom }: Pick<FileDoc, 'fileId' | 'generation' | 'unannouncedFrom'>,
): Promise<Unannounced> {
  if (unannouncedFrom === undefined) return { fileId, batchIds: [] };
  const found = await db.batches.collection
    .find<Pick<BatchDoc, 'batchId' | 'version' | 'totalEmails' | 'status'>>(
      { generation, ordinal: { $gte: unannouncedFrom } },
      { projection: { _id: 0, batchId: 1, version: 1, totalEmails: 1, status: 1 } },
    )
    .toArray();
  const begun = found.filter(({ status }) => status !== 'waiting');
  const waiting = found.filter(({ status }) => status === 'waiting');
  return {
    fileId,
    batchIds: begun.map(({ batchId }) => batchId),
    registered: {
      generation,
      batches: waiting.map(({ batchId, version, totalEmails }) => ({ batchId, version, totalEmails })),
    },
  };
}

/** The marks of one file: its own, and those of its batches. A registration that is half done has not been answered. */
export async function pendingChanges(
  db: Models,
  fileId: FileId,
  marks: AnnouncedMarks,
): Promise<PendingChanges | null> {
  const file = await findFile(db, fileId);
  if (file === null) return null;
  const { generation, userId } = file;
  const marked = await markedBatches(db, [generation], marks);
  return {
    generation,
    userId,
    ofFile: file.unannounced !== undefined,
    batches: new Map(marked.map(({ batchId, version }) => [batchId, version])),
  };
}

/** The batches with marks of some generations, without those that this gateway has announced. */
export async function markedBatches(
  db: Models,
  generations: readonly Generation[],
  marks: AnnouncedMarks,
): Promise<MarkedBatch[]> {
  const marked = await findMarks(db, { generation: { $in: [...generations] } });
  return marked.filter((batch) => !marks.isAnnounced(batch));
}

/** The generations of all such batches; null: there are too many marks to read them for a list of files. */
export async function markedGenerations(
  db: Models,
  marks: AnnouncedMarks,
): Promise<Set<Generation | null> | null> {
  const marked = await findMarks(db, {}, FEW_MARKS + 1);
  if (marked.length > FEW_MARKS) return null;
  return new Set(marked.flatMap((batch) => (marks.isAnnounced(batch) ? [] : [batch.generation])));
}

/** Reads the index of marks alone: there are few, whatever a file has. */
const findMarks = (db: Models, of: object, limit = 0): Promise<MarkedBatch[]> =>
  db.batches.collection
    .find<MarkedBatch>(
      { ...of, unannounced: { $gt: new Date(0) } },
      { projection: { _id: 0, batchId: 1, generation: 1, version: 1 } },
    )
    .hint({ unannounced: 1, generation: 1, batchId: 1, version: 1 })
    .limit(limit)
    .toArray();

/**
 * What may not be announced: the write that stores a change marks it. Registrations that a gateway left half done are
 * completed first.
 */
export async function findUnannounced(
  db: Models,
  held: HeldUpdates,
  before = Number.MAX_SAFE_INTEGER,
): Promise<Unannounced[]> {
  const earlier = trusted({ $lt: new Date(Math.min(before, MAX_TIME)) });
  const incomplete = await findDocs(db.files, { 'pending.at': earlier }, { projection: { _id: 0 } });
  for (const file of incomplete)
    if (file.pending !== undefined) await completeRegistration(db, held, file, file.pending);
  const [batches, files] = await Promise.all([
    findFields(db.batches, { unannounced: earlier }, ['batchId', 'generation'], {
      sort: { unannounced: 1 },
      limit: MARKS_AT_ONCE,
    }),
    findFields(db.files, { unannounced: earlier }, ['fileId', 'generation', 'unannouncedFrom'], {
      limit: MARKS_AT_ONCE,
    }),
  ]);
  const found = new Map<FileId, Unannounced>();
  for (const file of files) found.set(file.fileId, await registeredUnannounced(db, file));
  const owners = await filesOfGenerations(
    db,
    batches.map(({ generation }) => generation),
  );
  const over: Generation[] = [];
  for (const { batchId, generation } of batches) {
    const fileId = owners.get(generation ?? '')?.fileId;
    if (fileId !== undefined) {
      const before = found.get(fileId) ?? { fileId, batchIds: [] };
      found.set(fileId, { ...before, batchIds: [...before.batchIds, batchId] });
    } else if (generation !== null) over.push(generation);
  }
  // Changes of a generation that is over are never announced.
  if (over.length > 0) await db.batches.updateMany({ generation: trusted({ $in: over }) }, UNMARK);
  return [...found.values()];
}
