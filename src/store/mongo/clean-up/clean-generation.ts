/** Deletes what a generation that is over has left. */
import { setTimeout } from 'node:timers/promises';
import type { mongo } from 'mongoose';
import { clock } from '../../../clock.js';
import type { BatchId, Generation } from '../../../domain/id.js';
import { TOMBSTONE_MS } from '../../attribution.js';
import { dropChunks, markUnconfirmed } from '../batches/chunks.js';
import type { BatchDoc, BatchTombstoneDoc } from '../documents/batches.js';
import type { TombstoneDoc } from '../documents/files.js';
import { endListsOfGeneration } from '../ended-lists.js';
import { isDuplicate } from '../errors.js';
import { findFields, type Models, updateEach } from '../models.js';
import { dropListSubmission } from '../submissions/submission-docs.js';

/** Batches deleted in one go. Some databases let all updates wait meanwhile. */
const AT_ONCE = 100;

export type EndedGeneration = Pick<TombstoneDoc, '_id' | 'fileId' | 'requestId'>;

interface Cleaning {
  done: Promise<boolean>;
  /** No caller waits for it, so it leaves the database half of the time to others. */
  isInBackground: boolean;
}

/** The last cleaning of each generation that this process has not finished. */
const cleanings = new Map<Generation, Cleaning>();

export interface CleaningOptions {
  /** Aborted when the gateway is about to stop. */
  readonly stopping?: AbortSignal | undefined;
  readonly isInBackground?: boolean;
}

/**
 * Deletes the results of a generation that is over, its list, and what was left to submit of it. Each batch leaves a tombstone
 * before it goes. False: the gateway is about to stop, and the rest is for the next sweep.
 */
export async function cleanGeneration(
  db: Models,
  ended: EndedGeneration,
  { stopping, isInBackground = false }: CleaningOptions = {},
): Promise<boolean> {
  // A file is deleted while its earlier request is still being cleaned. Side by side each would do the work of both.
  const earlier = cleanings.get(ended._id);
  if (earlier !== undefined && !isInBackground) earlier.isInBackground = false;
  const own: Cleaning = { done: Promise.resolve(true), isInBackground };
  own.done = Promise.allSettled([earlier?.done]).then(() => clean(db, ended, own, stopping));
  cleanings.set(ended._id, own);
  try {
    return await own.done;
  } finally {
    if (cleanings.get(ended._id) === own) cleanings.delete(ended._id);
  }
}

async function clean(
  db: Models,
  { _id: generation, fileId, requestId }: EndedGeneration,
  own: Cleaning,
  stopping?: AbortSignal,
): Promise<boolean> {
  const expireAt = new Date(clock.now() + TOMBSTONE_MS);
  // Until none is found: a batch may have got its place, or chunks, while the others were read.
  for (let isClean = false; !isClean; ) {
    isClean = true;
    for await (const batches of batchesOf(db, generation)) {
      if (stopping?.aborted) return false;
      isClean = false;
      const begunAt = performance.now();
      await writeBatchTombstones(
        db,
        batches.map(({ batchId }) => ({ _id: batchId, generation, requestId, expireAt })),
      );
      for (const { batchId, chunks } of batches)
        if (chunks.length > 0) await cleanChunked(db, generation, batchId);
      const short = batches.flatMap(({ _id, chunks }) => (chunks.length > 0 ? [] : [_id]));
      // By the key alone: with any other index at hand, a database may walk through all of the generation to find these.
      await db.batches.collection.deleteMany({ _id: { $in: short }, generation, chunks: { $size: 0 } });
      if (own.isInBackground) await setTimeout(performance.now() - begunAt);
    }
  }
  await Promise.all([db.rollups.deleteMany({ generation }), db.breakdowns.deleteMany({ generation })]);
  await endListsOfGeneration(db, generation);
  await dropListSubmission(db, fileId, requestId);
  return true;
}

/** In one pass: to look for the next few again and again would be to read those that are left again and again. */
async function* batchesOf(db: Models, generation: Generation) {
  type Found = Pick<BatchDoc, 'batchId' | 'chunks'> & { readonly _id: mongo.ObjectId };
  const cursor = db.batches.collection
    .find<Found>({ generation }, { projection: { batchId: 1, chunks: 1 } })
    .batchSize(AT_ONCE);
  let some: Found[] = [];
  for await (const batch of cursor) {
    if (some.push(batch) < AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

/** Most are new: inserting them costs half of what it costs to look for each. */
export async function writeBatchTombstones(
  db: Models,
  tombstones: readonly BatchTombstoneDoc[],
): Promise<void> {
  try {
    await db.batchTombstones.insertMany([...tombstones], { lean: true, ordered: false });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    await updateEach(
      db.batchTombstones,
      tombstones.map(({ _id, ...rest }) => ({ filter: { _id }, update: { $set: rest }, upsert: true })),
    );
  }
}

async function cleanChunked(db: Models, generation: Generation, batchId: BatchId): Promise<void> {
  const [batch] = await findFields(db.batches, { batchId, generation }, ['version', 'chunks']);
  if (batch === undefined) return;
  const ids = batch.chunks.map(({ id }) => id);
  await markUnconfirmed(db, ids);
  const { deletedCount } = await db.batches.deleteOne({ batchId, generation, version: batch.version });
  if (deletedCount === 1) await dropChunks(db, ids);
}
