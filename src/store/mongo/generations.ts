/**
 * The generations of files. Only the file's document says which one is current: replacing a request or removing a file is
 * one write there, and everything that belongs to another generation is over with it.
 */

import { randomUUID } from 'node:crypto';
import { clock } from '../../clock.js';
import type { BatchId, FileId, Generation, RequestId } from '../../domain/id.js';
import type { Ownership } from '../../domain/ownership.js';
import type { FileFacts, SubmissionProgress } from '../../domain/stats.js';
import type { Summary } from '../../domain/summary.js';
import type { CurrentRequest, ProducedRequest } from '../registration-rules.js';
import type { BatchTombstoneDoc, StoredBatch } from './documents/batches.js';
import type { FileDoc } from './documents/files.js';
import { findDoc, type Models } from './models.js';

export const findFile = (db: Models, fileId: FileId): Promise<FileDoc | null> =>
  db.files.collection.findOne<FileDoc>({ fileId }, { projection: { _id: 0 } });

/** The file of a batch; null: the batch is not registered, or of a generation that is over. */
export async function owningFile(
  { fileId, generation }: Pick<StoredBatch, 'fileId' | 'generation'>,
  find: (fileId: FileId) => Promise<FileDoc | null>,
): Promise<FileDoc | null> {
  if (fileId === null || generation === null) return null;
  const file = await find(fileId);
  return file?.generation === generation ? file : null;
}

export type GenerationFile = Pick<FileDoc, 'fileId' | 'generation' | 'lastUpdated'>;

/** Of these generations, those that are current, each with its file. A null stands for no generation. */
export async function filesOfGenerations(
  db: Models,
  generations: readonly (Generation | null)[],
): Promise<Map<Generation, GenerationFile>> {
  const $in = [...new Set(generations)].filter((generation) => generation !== null);
  if ($in.length === 0) return new Map();
  const projection = { _id: 0, fileId: 1, generation: 1, lastUpdated: 1 };
  const files = await db.files.collection
    .find<GenerationFile>({ generation: { $in } }, { projection })
    .toArray();
  return new Map(files.map((file) => [file.generation, file]));
}

/** Whether a request of the file was replaced or removed. It is current again if it was registered anew after a removal. */
export async function hasTombstone(db: Models, fileId: FileId, requestId: RequestId): Promise<boolean> {
  return (await db.tombstones.exists({ fileId, requestId })) !== null;
}

/** What remains of a batch of a generation that is over. */
export const findBatchTombstone = (db: Models, batchId: BatchId): Promise<BatchTombstoneDoc | null> =>
  findDoc(db.batchTombstones, { _id: batchId });

/**
 * Notes that a generation is over, before it ends. A crash in between leaves a tombstone of a current generation, which does
 * no harm; the other way round it would leave a request that could come back.
 */
export async function writeTombstone(
  db: Models,
  { generation, fileId, requestId }: FileDoc,
  removed: boolean,
): Promise<void> {
  const tombstone = { fileId, requestId, cleaned: false, endedAt: clock.date() };
  await db.tombstones.updateOne(
    { _id: generation },
    removed
      ? { $set: { ...tombstone, removed }, $unset: { expireAt: 1 } }
      : { $set: tombstone, $setOnInsert: { removed }, $unset: { expireAt: 1 } },
    { upsert: true },
  );
}

/** What a file's document says of a generation that begins. */
export const newGeneration = (
  { requestId, userId, producer, totalEmails, totalBatches, submission }: ProducedRequest,
  now: Date,
): Omit<FileDoc, 'fileId' | 'pending'> => ({
  requestId,
  userId,
  producer,
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
  submission: submission === undefined ? null : JSON.stringify(submission),
  uncounted: now,
  purged: null,
});

export const ownershipOf = ({ fileId, userId, producer }: FileDoc): Ownership => ({
  fileId,
  userId,
  producer,
});

export const requestOf = (file: FileDoc): CurrentRequest => ({
  ...ownershipOf(file),
  generation: file.generation,
  requestId: file.requestId,
  ...file.declared,
  isPurged: Boolean(file.purged),
  batchCount: file.next,
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
  ...(file.submission ? { submission: JSON.parse(file.submission) as SubmissionProgress } : {}),
  ...(file.purged ? { purged: JSON.parse(file.purged) as Summary } : {}),
});
