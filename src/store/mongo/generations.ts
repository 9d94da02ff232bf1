import { randomUUID } from 'node:crypto';
import type { FileFacts } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { Registration } from '../store.js';
import type { BatchHead, BatchTombstoneDoc, FileDoc, PendingRegistration } from './documents.js';
import type { Models } from './models.js';

/**
 * A *generation* is one request's generation of a file. Which one stands is said in one place, the file's document: replacing a
 * request or removing a file is one write there, and everything that belongs to another generation is over with it.
 */
export const findFile = (db: Models, fileId: string): Promise<FileDoc | null> =>
  db.files.collection.findOne<FileDoc>({ fileId }, { projection: { _id: 0 } });

/** The file that a batch stands in; null: it is nobody's, or of a generation that is over. */
export async function owningFile(
  db: Models,
  { fileId, generation }: Pick<BatchHead, 'fileId' | 'generation'>,
): Promise<FileDoc | null> {
  if (fileId === null || generation === null) return null;
  const file = await findFile(db, fileId);
  return file?.generation === generation ? file : null;
}

/** Whether a request of the file is over. It may stand all the same, if it was registered again after a removal. */
export async function hasTombstone(db: Models, fileId: string, requestId: string): Promise<boolean> {
  return (await db.tombstones.exists({ fileId, requestId })) !== null;
}

/** What remains of a batch of a generation that is over. */
export const findBatchTombstone = (db: Models, batchId: string): Promise<BatchTombstoneDoc | null> =>
  db.batchTombstones.findById(batchId).lean<BatchTombstoneDoc>().exec();

/**
 * Notes that a generation is over. Written before the generation ends: a crash in between leaves a note about a generation that stands,
 * which nobody minds, instead of a request that nobody remembers.
 */
export async function writeTombstone(
  db: Models,
  { generation, fileId, requestId }: FileDoc,
  removed: boolean,
): Promise<void> {
  const note = { fileId, requestId, cleaned: false, endedAt: new Date() };
  await db.tombstones.updateOne(
    { _id: generation },
    removed
      ? { $set: { ...note, removed }, $unset: { expireAt: 1 } }
      : { $set: note, $setOnInsert: { removed }, $unset: { expireAt: 1 } },
    { upsert: true },
  );
}

export type RequestDetails = Pick<Registration, 'userId' | 'totalEmails' | 'totalBatches'>;

/** What a file's document says of a generation that begins. */
export function newGeneration(
  { requestId }: Pick<Registration, 'requestId'>,
  { userId, totalEmails, totalBatches }: RequestDetails,
  now: Date,
): Omit<FileDoc, 'fileId' | 'pending'> {
  return {
    requestId,
    userId,
    totalBatches,
    completedBatches: 0,
    totalEmails,
    status: 'pending',
    createdAt: now,
    lastUpdated: now,
    completedAt: null,
    generation: randomUUID(),
    declared: { totalEmails, totalBatches },
    next: 0,
    changes: 1,
    unannounced: now,
    stats: null,
    purged: null,
  };
}

export const newPending = (
  from: number,
  batches: PendingRegistration['batches'],
  now: Date,
): PendingRegistration => ({
  id: randomUUID(),
  at: now,
  from,
  batches,
});

export const factsOf = (file: FileDoc): FileFacts => ({
  fileId: file.fileId,
  requestId: file.requestId,
  generation: file.generation,
  userId: file.userId,
  totalEmails: file.declared.totalEmails,
  totalBatches: file.declared.totalBatches,
  createdAt: file.createdAt.toISOString(),
  lastUpdated: file.lastUpdated.toISOString(),
  ...(file.purged ? { purged: JSON.parse(file.purged) as Summary } : {}),
});
