import { randomUUID } from 'node:crypto';
import type { FileFacts } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { Registration } from '../store.js';
import type { Batch, EndedBatchDoc, FileDoc, Intent } from './documents.js';
import type { Models } from './models.js';

/**
 * A *life* is one request's life of a file. Which one stands is said in one place, the file's document: replacing a
 * request or removing a file is one write there, and everything that belongs to another life is over with it.
 */
export const fileOf = (db: Models, fileId: string): Promise<FileDoc | null> =>
  db.files.collection.findOne<FileDoc>({ fileId }, { projection: { _id: 0 } });

/** The file that a batch stands in; null: it is nobody's, or of a life that is over. */
export async function ownerOf(
  db: Models,
  { fileId, life }: Pick<Batch, 'fileId' | 'life'>,
): Promise<FileDoc | null> {
  if (fileId === null || life === null) return null;
  const file = await fileOf(db, fileId);
  return file?.life === life ? file : null;
}

/** Whether a request of the file is over. It may stand all the same, if it was registered again after a removal. */
export async function hasEnded(db: Models, fileId: string, requestId: string): Promise<boolean> {
  return (await db.ended.exists({ fileId, requestId })) !== null;
}

/** What remains of a batch of a life that is over. */
export const endedBatchOf = (db: Models, batchId: string): Promise<EndedBatchDoc | null> =>
  db.endedBatches.findById(batchId).lean<EndedBatchDoc>().exec();

/**
 * Notes that a life is over. Written before the life ends: a crash in between leaves a note about a life that stands,
 * which nobody minds, instead of a request that nobody remembers.
 */
export async function bury(
  db: Models,
  { life, fileId, requestId }: FileDoc,
  removed: boolean,
): Promise<void> {
  const note = { fileId, requestId, cleaned: false, endedAt: new Date() };
  await db.ended.updateOne(
    { _id: life },
    removed
      ? { $set: { ...note, removed }, $unset: { expireAt: 1 } }
      : { $set: note, $setOnInsert: { removed }, $unset: { expireAt: 1 } },
    { upsert: true },
  );
}

export type Described = Pick<Registration, 'userId' | 'totalEmails' | 'totalBatches'>;

/** What a file's document says of a life that begins. */
export function lifeOf(
  { requestId }: Pick<Registration, 'requestId'>,
  { userId, totalEmails, totalBatches }: Described,
  now: Date,
): Omit<FileDoc, 'fileId' | 'intent'> {
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
    life: randomUUID(),
    declared: { totalEmails, totalBatches },
    next: 0,
    changes: 1,
    unannounced: now,
    stats: null,
    purged: null,
  };
}

export const intentOf = (from: number, batches: Intent['batches'], now: Date): Intent => ({
  id: randomUUID(),
  at: now,
  from,
  batches,
});

export const factsOf = (file: FileDoc): FileFacts => ({
  fileId: file.fileId,
  requestId: file.requestId,
  life: file.life,
  userId: file.userId,
  totalEmails: file.declared.totalEmails,
  totalBatches: file.declared.totalBatches,
  createdAt: file.createdAt.toISOString(),
  lastUpdated: file.lastUpdated.toISOString(),
  ...(file.purged ? { purged: JSON.parse(file.purged) as Summary } : {}),
});
