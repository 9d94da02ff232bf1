import { trusted } from 'mongoose';
import type { Batch, EndedDoc } from './documents.js';
import type { Models } from './models.js';
import { dropParts, loosen } from './parts.js';

/** How long a late update of an ended life is recognised as such. */
export const TOMBSTONE_MS = 24 * 3_600_000;
/** Batches that are looked at in one go. */
const AT_ONCE = 256;

/**
 * Deletes what an ended life left behind. Each batch leaves its name, before the rest of it goes. False: the gateway is
 * about to stop, and the rest is for the next sweep.
 */
export async function clean(
  db: Models,
  { _id: life, requestId }: Pick<EndedDoc, '_id' | 'requestId'>,
  stopping?: AbortSignal,
): Promise<boolean> {
  const expireAt = new Date(Date.now() + TOMBSTONE_MS);
  for (;;) {
    if (stopping?.aborted) return false;
    const batches = await db.batches
      .find({ life }, { _id: 0, batchId: 1, parts: 1 })
      .limit(AT_ONCE)
      .lean<Pick<Batch, 'batchId' | 'parts'>[]>()
      .exec();
    if (batches.length === 0) break;
    await db.endedBatches.bulkWrite(
      batches.map(({ batchId }) => ({
        updateOne: {
          filter: { _id: batchId },
          update: { $set: { life, requestId, expireAt } },
          upsert: true,
        },
      })),
      { ordered: false },
    );
    for (const { batchId, parts } of batches) if (parts.length > 0) await cleanLong(db, life, batchId);
    const short = batches.flatMap(({ batchId, parts }) => (parts.length > 0 ? [] : [batchId]));
    // One that has grown parts since it was read is left for the next round.
    await db.batches.deleteMany({ life, batchId: trusted({ $in: short }), parts: trusted({ $size: 0 }) });
  }
  await db.sums.deleteMany({ life });
  return true;
}

async function cleanLong(db: Models, life: string, batchId: string): Promise<void> {
  const batch = await db.batches
    .findOne({ batchId, life }, { _id: 0, version: 1, parts: 1 })
    .lean<Pick<Batch, 'version' | 'parts'>>()
    .exec();
  if (batch === null) return;
  const ids = batch.parts.map(({ id }) => id);
  await loosen(db, ids);
  const { deletedCount } = await db.batches.deleteOne({ batchId, life, version: batch.version });
  if (deletedCount === 1) await dropParts(db, ids);
}
