import { mongo, trusted } from 'mongoose';
import { InvalidInput } from '../../domain/invalid-input.js';
import { NOTHING, restand } from '../../domain/summary.js';
import { standingOf, waiting } from '../batch-progress.js';
import { freshBatch, headOf, type Place, progressOf, summaryOf } from './batch-docs.js';
import { type Written, write } from './batches.js';
import type { Batch, FileDoc, Intent } from './documents.js';
import { clean } from './ended-lives.js';
import type { Held } from './held.js';
import { emptied } from './lists.js';
import { fileOf, hasEnded, ownerOf } from './lives.js';
import type { Models } from './models.js';
import { addToSums } from './sums.js';

/** Batches that are placed one by one at a time. */
const AT_ONCE = 16;

/** What a registration does to its file, in the step that writes its intent down. */
export type Kind = 'created' | 'extended' | 'replaced';

/** Told of new batches as they were written, once they are. */
export interface Placed {
  placed(batches: readonly Batch[]): void;
}

/** Whose intent it is. */
interface Author extends Placed {
  readonly kind: Kind;
}

/**
 * Carries out an intent: gives batches their place in a file. The intent stands in the file's document, written in one
 * step with whatever else a registration changes, so only one is under way at a time and the order of the batches is
 * settled with it. Whoever finds one carries it out, its author or not: each step is a no-op where it was taken already.
 *
 * Answers with the file when all is done; null: its life has ended meanwhile, and nothing is left in it.
 * @throws InvalidInput to its author, where another file got a batch at the same time and first
 */
export async function carryOut(
  db: Models,
  held: Held,
  file: FileDoc,
  intent: Intent,
  author?: Author,
): Promise<FileDoc | null> {
  const { fileId, requestId, life } = file;
  const now = new Date();
  const placings = intent.batches.map(({ batchId, totalEmails }, index) => ({
    batchId,
    totalEmails,
    place: { fileId, requestId, life, ordinal: intent.from + index },
  }));
  const known = await insertNew(db, placings, now, author);
  const foreign: string[] = [];
  for (let start = 0; start < known.length; start += AT_ONCE) {
    const some = known.slice(start, start + AT_ONCE);
    const placed = await Promise.all(some.map((placing) => placeKnown(db, held, placing, now)));
    foreign.push(...placed.flatMap((batchId) => batchId ?? []));
  }
  if (foreign.length > 0 && author !== undefined) {
    await withdraw(db, file, intent, author.kind);
    throw foreignBatches(intent.batches, new Set(foreign));
  }
  const done = await db.files
    .findOneAndUpdate({ fileId, life, 'intent.id': intent.id }, finished(now), { returnDocument: 'after' })
    .lean<FileDoc>()
    .exec();
  if (done !== null) return done;
  const current = await fileOf(db, fileId);
  if (current?.life === life) return current;
  // Overtaken by a later request, its batches are over with it. Else whoever tries again finds what was held for them.
  if (current !== null && (await isOvertaken(db, current, requestId)))
    await clean(db, { _id: life, requestId });
  else await release(db, life, intent);
  return null;
}

const isOvertaken = async (
  db: Models,
  { fileId, requestId }: FileDoc,
  earlier: string | null,
): Promise<boolean> => earlier !== null && earlier !== requestId && (await hasEnded(db, fileId, earlier));

const finished = (now: Date) => ({
  $inc: { changes: 1 },
  $set: { unannounced: new Date() },
  $max: { lastUpdated: now },
  $unset: { intent: 1 },
});

/** Takes an intent back. What it has replaced is gone all the same: then the rest of the request stands. */
async function withdraw(db: Models, file: FileDoc, intent: Intent, kind: Kind): Promise<void> {
  const { fileId, life } = file;
  const standing = { fileId, life, 'intent.id': intent.id };
  if (kind === 'replaced') {
    await db.files.updateOne(standing, finished(new Date()));
    return;
  }
  await release(db, life, intent);
  // Nothing that may have been counted of them meanwhile stays in the sums, or comes into them later.
  const forGood = { version: Number.MAX_SAFE_INTEGER, cells: NOTHING.cells };
  const ordinals = intent.batches.map((_, index) => intent.from + index);
  await addToSums(
    db,
    life,
    ordinals.map((ordinal) => ({ ordinal, ...forGood })),
  );
  if (kind === 'created') await db.files.deleteOne(standing);
  else await db.files.updateOne(standing, { $unset: { intent: 1 } });
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

interface Placing {
  readonly batchId: string;
  readonly totalEmails: number | null;
  readonly place: Place;
}

/** Most batches are new: they are written in one go. Answers with those that are there already, in whatever state. */
async function insertNew(
  db: Models,
  places: readonly Placing[],
  now: Date,
  author?: Placed,
): Promise<Placing[]> {
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
async function placeKnown(db: Models, held: Held, placing: Placing, now: Date): Promise<string | null> {
  const { batchId, place } = placing;
  for (;;) {
    const batch = await headOf(db, batchId);
    if (batch === null) {
      if ((await insertNew(db, [placing], now)).length === 0) return null;
    } else if (batch.life === place.life) {
      return null;
    } else if (batch.life === null && !held.isExpired(batch, now.getTime())) {
      if ((await adopt(db, batch, placing, now)) === 'applied') return null;
    } else if ((await ownerOf(db, batch)) !== null) {
      return batchId;
    } else if ((await beginAnew(db, batch, placing, now)) === 'applied') {
      return null;
    }
  }
}

/** What was held for a batch is its own from the moment that it has a place. */
function adopt(db: Models, batch: Batch, { place, totalEmails }: Placing, now: Date): Promise<Written> {
  const progress = { ...progressOf(batch), totalEmails: batch.totalEmails ?? totalEmails };
  const summary = restand(summaryOf(batch), standingOf(progress));
  const unset = { held: 1, heldAt: 1 } as const;
  return write(db, batch, progress, summary, now, { set: { ...place, lastUpdated: now }, unset });
}

/** A batch of a life that is over, or one whose held list is too old, begins from nothing. */
function beginAnew(db: Models, batch: Batch, { place, totalEmails }: Placing, now: Date): Promise<Written> {
  const progress = waiting(totalEmails);
  const summary = restand(NOTHING, standingOf(progress));
  return write(db, batch, progress, summary, now, {
    set: { ...place, lastUpdated: now, failure: null },
    unset: { held: 1, heldAt: 1 },
    layout: emptied(batch),
  });
}

/**
 * Takes back what was placed in a life that has ended, or never began: what has a list is held again for whoever registers it next, so
 * that no update that was acknowledged meanwhile is lost; the rest goes.
 */
async function release(db: Models, life: string, { from, batches }: Intent): Promise<void> {
  const ordinal = trusted({ $gte: from, $lt: from + batches.length });
  await db.batches.deleteMany({ life, ordinal, begun: false });
  await db.batches.updateMany(
    { life, ordinal },
    {
      $inc: { version: 1 },
      $set: { life: null, fileId: null, requestId: null, ordinal: null, held: true, heldAt: new Date() },
      $unset: { open: 1, unsettled: 1, unannounced: 1 },
    },
  );
}
