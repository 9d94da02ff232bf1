/** Deletes what a generation that is over has left. */
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { BatchId, Generation } from '../../../domain/id.js';
import { TOMBSTONE_MS } from '../../attribution.js';
import { dropChunks, markUnconfirmed } from '../batches/chunks.js';
import type { TombstoneDoc } from '../documents/files.js';
import { endListsOfGeneration } from '../ended-lists.js';
import { findFields, type Models, updateEach } from '../models.js';

/** Batches deleted in one go. */
const AT_ONCE = 256;

export type EndedGeneration = Pick<TombstoneDoc, '_id' | 'requestId'>;

/**
 * Deletes the results of a generation that is over, and its list. Each batch leaves a tombstone before it goes. False: the gateway is
 * about to stop, and the rest is for the next sweep.
 */
export async function cleanGeneration(
  db: Models,
  { _id: generation, requestId }: EndedGeneration,
  stopping?: AbortSignal,
): Promise<boolean> {
  const expireAt = new Date(clock.now() + TOMBSTONE_MS);
  for (;;) {
    if (stopping?.aborted) return false;
    const batches = await findFields(db.batches, { generation }, ['batchId', 'chunks'], { limit: AT_ONCE });
    if (batches.length === 0) break;
    const update = { $set: { generation, requestId, expireAt } };
    await updateEach(
      db.batchTombstones,
      batches.map(({ batchId }) => ({ filter: { _id: batchId }, update, upsert: true })),
    );
    for (const { batchId, chunks } of batches)
      if (chunks.length > 0) await cleanChunked(db, generation, batchId);
    const short = batches.flatMap(({ batchId, chunks }) => (chunks.length > 0 ? [] : [batchId]));
    // A batch that has got chunks since it was read is left for the next round.
    await db.batches.deleteMany({
      generation,
      batchId: trusted({ $in: short }),
      chunks: trusted({ $size: 0 }),
    });
  }
  await Promise.all([db.rollups.deleteMany({ generation }), db.breakdowns.deleteMany({ generation })]);
  await endListsOfGeneration(db, generation);
  return true;
}

async function cleanChunked(db: Models, generation: Generation, batchId: BatchId): Promise<void> {
  const [batch] = await findFields(db.batches, { batchId, generation }, ['version', 'chunks']);
  if (batch === undefined) return;
  const ids = batch.chunks.map(({ id }) => id);
  await markUnconfirmed(db, ids);
  const { deletedCount } = await db.batches.deleteOne({ batchId, generation, version: batch.version });
  if (deletedCount === 1) await dropChunks(db, ids);
}
