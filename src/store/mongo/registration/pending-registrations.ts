import { mongo, trusted } from 'mongoose';
import { InvalidInput } from '../../../domain/invalid-input.js';
import { EMPTY_SUMMARY, withFlags } from '../../../domain/summary.js';
import { flagsOf, unheardOf } from '../../batch-progress.js';
import { type BatchPlace, findBatch, freshBatch, progressOf, summaryOf } from '../batches/batch-docs.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { emptyList } from '../batches/lists.js';
import { type WriteOutcome, writeBatch } from '../batches/write-batch.js';
import { cleanGeneration } from '../clean-up/clean-generation.js';
import type { BatchHead, FileDoc, PendingRegistration } from '../documents.js';
import { findFile, hasTombstone, owningFile } from '../generations.js';
import type { Models } from '../models.js';
import { addToRollups } from '../rollups.js';

/** Batches that are placed one by one at a time. */
const AT_ONCE = 16;

/** What a registration does to its file, in the step that writes its pending down. */
export type Kind = 'created' | 'extended' | 'replaced';

/** Told of new batches as they were written, once they are. */
export interface RegistrationObserver {
  placed(batches: readonly BatchHead[]): void;
}

/** Whose pending it is. */
interface Author extends RegistrationObserver {
  readonly kind: Kind;
}

/**
 * Carries out an pending: gives batches their place in a file. The pending stands in the file's document, written in one
 * step with whatever else a registration changes, so only one is under way at a time and the order of the batches is
 * settled with it. Whoever finds one carries it out, its author or not: each step is a no-op where it was taken already.
 *
 * Answers with the file when all is done; null: its generation has ended meanwhile, and nothing is left in it.
 * @throws InvalidInput to its author, where another file got a batch at the same time and first
 */
export async function completeRegistration(
  db: Models,
  held: HeldUpdates,
  file: FileDoc,
  pending: PendingRegistration,
  author?: Author,
): Promise<FileDoc | null> {
  const { fileId, requestId, generation } = file;
  const now = new Date();
  const placings = pending.batches.map(({ batchId, totalEmails }, index) => ({
    batchId,
    totalEmails,
    place: { fileId, requestId, generation, ordinal: pending.from + index },
  }));
  const known = await insertNewBatches(db, placings, now, author);
  const foreign: string[] = [];
  for (let start = 0; start < known.length; start += AT_ONCE) {
    const some = known.slice(start, start + AT_ONCE);
    const placed = await Promise.all(some.map((placing) => placeKnownBatch(db, held, placing, now)));
    foreign.push(...placed.flatMap((batchId) => batchId ?? []));
  }
  if (foreign.length > 0 && author !== undefined) {
    await revertRegistration(db, file, pending, author.kind);
    throw foreignBatches(pending.batches, new Set(foreign));
  }
  const done = await db.files
    .findOneAndUpdate({ fileId, generation, 'pending.id': pending.id }, finished(now), {
      returnDocument: 'after',
    })
    .lean<FileDoc>()
    .exec();
  if (done !== null) return done;
  const current = await findFile(db, fileId);
  if (current?.generation === generation) return current;
  // Overtaken by a later request, its batches are over with it. Else whoever tries again finds what was held for them.
  if (current !== null && (await isOvertaken(db, current, requestId)))
    await cleanGeneration(db, { _id: generation, requestId });
  else await releaseBatches(db, generation, pending);
  return null;
}

const isOvertaken = async (
  db: Models,
  { fileId, requestId }: FileDoc,
  earlier: string | null,
): Promise<boolean> => earlier !== null && earlier !== requestId && (await hasTombstone(db, fileId, earlier));

const finished = (now: Date) => ({
  $inc: { changes: 1 },
  $set: { unannounced: new Date() },
  $max: { lastUpdated: now },
  $unset: { pending: 1 },
});

/** Takes an pending back. What it has replaced is gone all the same: then the rest of the request stands. */
async function revertRegistration(
  db: Models,
  file: FileDoc,
  pending: PendingRegistration,
  kind: Kind,
): Promise<void> {
  const { fileId, generation } = file;
  const standing = { fileId, generation, 'pending.id': pending.id };
  if (kind === 'replaced') {
    await db.files.updateOne(standing, finished(new Date()));
    return;
  }
  await releaseBatches(db, generation, pending);
  // Nothing that may have been counted of them meanwhile stays in the sums, or comes into them later.
  const forGood = { version: Number.MAX_SAFE_INTEGER, cells: EMPTY_SUMMARY.cells };
  const ordinals = pending.batches.map((_, index) => pending.from + index);
  await addToRollups(
    db,
    generation,
    ordinals.map((ordinal) => ({ ordinal, ...forGood })),
  );
  if (kind === 'created') await db.files.deleteOne(standing);
  else await db.files.updateOne(standing, { $unset: { pending: 1 } });
}

export function foreignBatches(
  batches: readonly { readonly batchId: string }[],
  foreign: ReadonlySet<string>,
): InvalidInput {
  const errors = batches.flatMap(({ batchId }, index) =>
    foreign.has(batchId)
      ? [{ field: `batches[${index}].batchId`, message: 'is registered for another file' }]
      : [],
  );
  return new InvalidInput(errors.slice(0, 10));
}

interface Placement {
  readonly batchId: string;
  readonly totalEmails: number | null;
  readonly place: BatchPlace;
}

/** Most batches are new: they are written in one go. Answers with those that are there already, in whatever state. */
async function insertNewBatches(
  db: Models,
  places: readonly Placement[],
  now: Date,
  author?: RegistrationObserver,
): Promise<Placement[]> {
  const fresh = places.map(({ batchId, place, totalEmails }) => freshBatch(batchId, place, totalEmails, now));
  try {
    await db.batches.insertMany(fresh, { lean: true, ordered: false });
    author?.placed(fresh.map(({ keys: _, results: __, ...head }) => head));
    return [];
  } catch (error) {
    if (!(error instanceof mongo.MongoBulkWriteError)) throw error;
    const failures = [error.writeErrors].flat();
    if (failures.some(({ code }) => code !== 11000)) throw error;
    return failures.flatMap(({ index }) => places[index] ?? []);
  }
}

/** Gives a batch that is there its place; answers with its id where it is another file's. */
async function placeKnownBatch(
  db: Models,
  held: HeldUpdates,
  placing: Placement,
  now: Date,
): Promise<string | null> {
  const { batchId, place } = placing;
  for (;;) {
    const batch = await findBatch(db, batchId);
    if (batch === null) {
      if ((await insertNewBatches(db, [placing], now)).length === 0) return null;
    } else if (batch.generation === place.generation) {
      return null;
    } else if (batch.generation === null && !held.isExpired(batch, now.getTime())) {
      if ((await adoptHeld(db, batch, placing, now)) === 'applied') return null;
    } else if ((await owningFile(db, batch)) !== null) {
      return batchId;
    } else if ((await restartBatch(db, batch, placing, now)) === 'applied') {
      return null;
    }
  }
}

/** What was held for a batch is its own from the moment that it has a place. */
function adoptHeld(
  db: Models,
  batch: BatchHead,
  { place, totalEmails }: Placement,
  now: Date,
): Promise<WriteOutcome> {
  const progress = { ...progressOf(batch), totalEmails: batch.totalEmails ?? totalEmails };
  const summary = withFlags(summaryOf(batch), flagsOf(progress));
  const unset = { held: 1, heldAt: 1 } as const;
  return writeBatch(db, batch, progress, summary, now, { set: { ...place, lastUpdated: now }, unset });
}

/** A batch of a generation that is over, or one whose held list is too old, begins from nothing. */
function restartBatch(
  db: Models,
  batch: BatchHead,
  { place, totalEmails }: Placement,
  now: Date,
): Promise<WriteOutcome> {
  const progress = unheardOf(totalEmails);
  const summary = withFlags(EMPTY_SUMMARY, flagsOf(progress));
  return writeBatch(db, batch, progress, summary, now, {
    set: { ...place, lastUpdated: now, failure: null },
    unset: { held: 1, heldAt: 1 },
    layout: emptyList(batch),
  });
}

/**
 * Takes back what was placed in a generation that has ended, or never began: what has a list is held again for whoever registers it next, so
 * that no update that was acknowledged meanwhile is lost; the rest goes.
 */
async function releaseBatches(
  db: Models,
  generation: string,
  { from, batches }: PendingRegistration,
): Promise<void> {
  const ordinal = trusted({ $gte: from, $lt: from + batches.length });
  await db.batches.deleteMany({ generation, ordinal, begun: false });
  await db.batches.updateMany(
    { generation, ordinal },
    {
      $inc: { version: 1 },
      $set: {
        generation: null,
        fileId: null,
        requestId: null,
        ordinal: null,
        held: true,
        heldAt: new Date(),
      },
      $unset: { open: 1, pendingRollup: 1, unannounced: 1 },
    },
  );
}
