import { trusted } from 'mongoose';
import type { Unended } from '../store.js';
import type { Batch, FileDoc } from './documents.js';
import type { Models } from './models.js';

type Found = Pick<Batch, 'batchId' | 'life' | 'status'>;

/** Batches that have not ended, in the order of their ids; answered from an index alone. */
export async function unended(
  db: Models,
  { limit, after }: { limit: number; after: string | null },
): Promise<Unended> {
  const found = await db.batches
    .find(
      { complete: false, batchId: trusted({ $gt: after ?? '' }) },
      { _id: 0, batchId: 1, life: 1, status: 1 },
    )
    .sort({ batchId: 1 })
    .limit(limit)
    .lean<Found[]>()
    .exec();
  const fileOf = await standingFiles(db, [...new Set(found.flatMap(({ life }) => life ?? []))]);
  const batches = found.flatMap(({ batchId, life, status }) => {
    const fileId = fileOf.get(life ?? '');
    if (fileId === undefined || status === 'completed' || status === 'failed') return [];
    return [{ fileId, batchId, status }];
  });
  return { batches, next: found.length < limit ? null : (found.at(-1)?.batchId ?? null) };
}

async function standingFiles(db: Models, lives: readonly string[]): Promise<Map<string, string>> {
  if (lives.length === 0) return new Map();
  const files = await db.files
    .find({ life: trusted({ $in: [...lives] }) }, { _id: 0, life: 1, fileId: 1 })
    .lean<Pick<FileDoc, 'life' | 'fileId'>[]>()
    .exec();
  return new Map(files.map(({ life, fileId }) => [life, fileId]));
}
