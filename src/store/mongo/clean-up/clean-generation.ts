import { trusted } from 'mongoose';
import { dropChunks, markUnconfirmed } from '../batches/chunks.js';
import type { BatchHead, TombstoneDoc } from '../documents.js';
import type { Models } from '../models.js';

/** How long a late update of an ended generation is recognised as such. */
export const TOMBSTONE_MS = 24 * 3_600_000;
/** Batches that are looked at in one go. */
const AT_ONCE = 256;

/**
 * Deletes what an ended generation left behind. Each batch leaves its name, before the rest of it goes. False: the gateway is
 * about to stop, and the rest is for the next sweep.
 */
export async function cleanGeneration(
  db: Models,
  { _id: generation, requestId }: Pick<TombstoneDoc, '_id' | 'requestId'>,
  stopping?: AbortSignal,
): Promise<boolean> {
  const expireAt = new Date(Date.now() + TOMBSTONE_MS);
  for (;;) {
    if (stopping?.aborted) return false;
    const batches = await db.batches
      .find({ generation }, { _id: 0, batchId: 1, chunks: 1 })
      .limit(AT_ONCE)
      .lean<Pick<BatchHead, 'batchId' | 'chunks'>[]>()
      .exec();
    if (batches.length === 0) break;
    await db.batchTombstones.bulkWrite(
      batches.map(({ batchId }) => ({
        updateOne: {
          filter: { _id: batchId },
          update: { $set: { generation, requestId, expireAt } },
          upsert: true,
        },
      })),
      { ordered: false },
    );
    for (const { batchId, chunks } of batches)
      if (chunks.length > 0) await cleanChunked(db, generation, batchId);
    const short = batches.flatMap(({ batchId, chunks }) => (chunks.length > 0 ? [] : [batchId]));
    // One that has grown chunks since it was read is left for the next round.
    await db.batches.deleteMany({
      generation,
      batchId: trusted({ $in: short }),
      chunks: trusted({ $size: 0 }),
    });
  }
  await db.rollups.deleteMany({ generation });
  return true;
}

async function cleanChunked(db: Models, generation: string, batchId: string): Promise<void> {
  const batch = await db.batches
    .findOne({ batchId, generation }, { _id: 0, version: 1, chunks: 1 })
    .lean<Pick<BatchHead, 'version' | 'chunks'>>()
    .exec();
  if (batch === null) return;
  const ids = batch.chunks.map(({ id }) => id);
  await markUnconfirmed(db, ids);
  const { deletedCount } = await db.batches.deleteOne({ batchId, generation, version: batch.version });
  if (deletedCount === 1) await dropChunks(db, ids);
}
