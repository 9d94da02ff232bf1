/** Gives batches their place in a generation: new ones, held ones, and those of generations that are over. */

import { mongo } from 'mongoose';
import type { BatchId } from '../../../domain/id.js';
import { waitingSummary } from '../../../domain/summary.js';
import { portions } from '../../../portions.js';
import { initialProgress } from '../../batch-progress.js';
import { type BatchPlace, findBatch, freshBatches, withoutList } from '../batches/batch-docs.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { emptyList } from '../batches/result-lists.js';
import { progressChange, type WriteOutcome, writeBatch } from '../batches/write-batch.js';
import type { BatchDoc, StoredBatch } from '../documents/batches.js';
import { DUPLICATE } from '../errors.js';
import { findFile, owningFile } from '../generations.js';
import type { Models } from '../models.js';

export interface RegistrationObserver {
  /** New batches, as they were written. */
  placed(batches: readonly StoredBatch[]): void;
  /** Updates that were held for one user have come into these batches. */
  filled(batchIds: readonly BatchId[]): void;
}

interface Placement {
  readonly batchId: BatchId;
  readonly totalEmails: number | null;
  readonly place: BatchPlace;
}

/** New batches written in one go. Some databases let all other updates wait meanwhile. */
const INSERTED_AT_ONCE = 100;

/** Most batches are new: they are written many at a time. Answers with those that are there already, in whatever state. */
export async function insertNewBatches(
  db: Models,
  places: readonly Placement[],
  now: Date,
  author?: RegistrationObserver,
): Promise<Placement[]> {
  const known: Placement[] = [];
  for (const some of portions(places, INSERTED_AT_ONCE))
    known.push(...(await insertSome(db, some, now, author)));
  return known;
}

async function insertSome(
  db: Models,
  places: readonly Placement[],
  now: Date,
  author: RegistrationObserver | undefined,
): Promise<Placement[]> {
  const documentOf = freshBatches(now);
  const fresh = places.map(({ batchId, place, totalEmails }) => documentOf(batchId, place, totalEmails));
  const placed = (batches: readonly BatchDoc[]) => author?.placed(batches.map(withoutList));
  try {
    // By the driver: Mongoose would look at each field of each of them. The server gives them their keys.
    await db.batches.collection.insertMany([...fresh], { ordered: false, forceServerObjectId: true });
    placed(fresh);
    return [];
  } catch (error) {
    if (!(error instanceof mongo.MongoBulkWriteError)) throw error;
    const failures = [error.writeErrors].flat();
    if (failures.some(({ code }) => code !== DUPLICATE)) throw error;
    const there = new Set(failures.map(({ index }) => index));
    placed(fresh.filter((_, index) => !there.has(index)));
    return places.filter((_, index) => there.has(index));
  }
}

/** Gives a batch that is there its place; answers with its id where it is another file's. */
export async function placeKnownBatch(
  db: Models,
  held: HeldUpdates,
  placing: Placement,
  now: Date,
): Promise<BatchId | null> {
  const { batchId, place } = placing;
  for (;;) {
    const batch = await findBatch(db, batchId);
    if (batch === null) {
      if ((await insertNewBatches(db, [placing], now)).length === 0) return null;
    } else if (batch.generation === place.generation) {
      return null;
    } else if (batch.generation === null && !held.isExpired(batch, now.getTime())) {
      if ((await adoptHeld(db, batch, placing, now)) === 'applied') return null;
    } else if ((await owningFile(batch, (fileId) => findFile(db, fileId))) !== null) {
      return batchId;
    } else if ((await restartBatch(db, batch, placing, now)) === 'applied') {
      return null;
    }
  }
}

/** The held list becomes that of the registered batch. */
function adoptHeld(
  db: Models,
  batch: StoredBatch,
  { place, totalEmails }: Placement,
  now: Date,
): Promise<WriteOutcome> {
  const change = progressChange(batch, { totalEmails: batch.totalEmails ?? totalEmails });
  return writeBatch(db, batch, { ...change, set: { ...place, lastUpdated: now }, unset: UNHELD }, now);
}

const UNHELD = { held: 1, heldAt: 1 } as const;

/** A batch of a generation that is over, or one whose held list has expired, begins again from nothing. */
function restartBatch(
  db: Models,
  batch: StoredBatch,
  { place, totalEmails }: Placement,
  now: Date,
): Promise<WriteOutcome> {
  const progress = initialProgress(totalEmails);
  const summary = waitingSummary(totalEmails);
  const set = { ...place, lastUpdated: now, failure: null };
  return writeBatch(db, batch, { progress, summary, set, unset: UNHELD, list: emptyList(batch) }, now);
}
