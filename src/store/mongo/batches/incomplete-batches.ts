import { trusted } from 'mongoose';
import type { IncompleteBatches } from '../../store.js';
import type { BatchHead, FileDoc } from '../documents.js';
import type { Models } from '../models.js';

type Found = Pick<BatchHead, 'batchId' | 'generation' | 'status'>;

/** Batches that have not ended, in the order of their ids; answered from an index alone. */
export async function incompleteBatches(
  db: Models,
  { limit, after }: { limit: number; after: string | null },
): Promise<IncompleteBatches> {
  const found = await db.batches
    .find(
      { complete: false, batchId: trusted({ $gt: after ?? '' }) },
      { _id: 0, batchId: 1, generation: 1, status: 1 },
    )
    .sort({ batchId: 1 })
    .limit(limit)
    .lean<Found[]>()
    .exec();
  const fileOf = await standingFiles(db, [...new Set(found.flatMap(({ generation }) => generation ?? []))]);
  const batches = found.flatMap(({ batchId, generation, status }) => {
    const fileId = fileOf.get(generation ?? '');
    if (fileId === undefined || status === 'completed' || status === 'failed') return [];
    return [{ fileId, batchId, status }];
  });
  return { batches, next: found.length < limit ? null : (found.at(-1)?.batchId ?? null) };
}

async function standingFiles(db: Models, generations: readonly string[]): Promise<Map<string, string>> {
  if (generations.length === 0) return new Map();
  const files = await db.files
    .find({ generation: trusted({ $in: [...generations] }) }, { _id: 0, generation: 1, fileId: 1 })
    .lean<Pick<FileDoc, 'generation' | 'fileId'>[]>()
    .exec();
  return new Map(files.map(({ generation, fileId }) => [generation, fileId]));
}
