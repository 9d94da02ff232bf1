/** Completes registrations that are written down in the documents of their files. */
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { Generation, RequestId } from '../../../domain/id.js';
import { EMPTY_SUMMARY } from '../../../domain/summary.js';
import { portions } from '../../../portions.js';
import { foreignBatches } from '../../registration-rules.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { holdAgain, takePrivatelyHeld } from '../batches/private-held-updates.js';
import { cleanGeneration } from '../clean-up/clean-generation.js';
import type { FileDoc, PendingRegistration } from '../documents/files.js';
import { findFile, hasTombstone } from '../generations.js';
import { findFields, type Models, updateDoc } from '../models.js';
import { addToRollups } from '../rollups.js';
import { insertNewBatches, placeKnownBatch, type RegistrationObserver } from './placement.js';

/** Batches that existed before, placed at the same time. */
const AT_ONCE = 16;

/** The registration that has written the pending one, while its call lasts. */
interface Author extends RegistrationObserver {
  readonly outcome: 'created' | 'extended' | 'replaced';
  /** Where the file has been deleted meanwhile, it begins anew with the same batches. */
  readonly beginsAnew: boolean;
}

/**
 * Completes a pending registration: gives batches their place in a file. It is part of the file's document, written in one
 * step with whatever else a registration changes, so there is one at a time and it fixes the order of the batches. Any
 * gateway that finds one completes it: each step is a no-op where it was taken already.
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
  const now = clock.date();
  const placings = pending.batches.map(({ batchId, totalEmails }, index) => ({
    batchId,
    totalEmails,
    place: { fileId, requestId, generation, ordinal: pending.from + index },
  }));
  const known = await insertNewBatches(db, placings, now, author);
  const foreign: string[] = [];
  for (const some of portions(known, AT_ONCE)) {
    const placed = await Promise.all(some.map((placing) => placeKnownBatch(db, held, placing, now)));
    foreign.push(...placed.flatMap((batchId) => batchId ?? []));
  }
  if (foreign.length > 0 && author !== undefined) {
    await revertRegistration(db, held, file, pending, author.outcome);
    throw foreignBatches(pending.batches, new Set(foreign));
  }
  const filled = await takePrivatelyHeld(db, held, file, pending, now);
  author?.filled(filled);
  const done = await updateDoc(
    db.files,
    { fileId, generation, 'pending.id': pending.id },
    finished(now, pending),
  );
  if (done !== null) return done;
  const current = await findFile(db, fileId);
  if (current?.generation === generation) return current;
  // Its batches are over with it, those included that other calls did not find when they deleted the file.
  const isReplaced = current !== null && (await wasReplaced(db, current, requestId));
  if (isReplaced || author?.beginsAnew !== true)
    await cleanGeneration(db, { _id: generation, fileId, requestId });
  // Another try finds the updates that were held for them.
  else await releaseBatches(db, held, generation, pending);
  return null;
}

const wasReplaced = async (
  db: Models,
  { fileId, requestId }: FileDoc,
  earlier: RequestId | null,
): Promise<boolean> => earlier !== null && earlier !== requestId && (await hasTombstone(db, fileId, earlier));

const finished = (now: Date, { from }: PendingRegistration) => ({
  $inc: { changes: 1 },
  $set: { unannounced: clock.date() },
  $max: { lastUpdated: now },
  $min: { unannouncedFrom: from },
  $unset: { pending: 1 },
});

/** Takes a pending registration back. A request that it has replaced is gone all the same: then the rest of the new one stays. */
async function revertRegistration(
  db: Models,
  held: HeldUpdates,
  file: FileDoc,
  pending: PendingRegistration,
  outcome: Author['outcome'],
): Promise<void> {
  const { fileId, generation } = file;
  const asPending = { fileId, generation, 'pending.id': pending.id };
  if (outcome === 'replaced') {
    await db.files.updateOne(asPending, finished(clock.date(), pending));
    return;
  }
  await releaseBatches(db, held, generation, pending);
  // Whatever was counted of them meanwhile leaves the rollups, and nothing comes into them later.
  const removed = { version: Number.MAX_SAFE_INTEGER, cells: EMPTY_SUMMARY.cells };
  const ordinals = pending.batches.map((_, index) => pending.from + index);
  await addToRollups(
    db,
    generation,
    ordinals.map((ordinal) => ({ ordinal, ...removed })),
  );
  if (outcome === 'created') await db.files.deleteOne(asPending);
  else await db.files.updateOne(asPending, { $unset: { pending: 1 } });
}

/**
 * Releases the batches of a generation that has ended, or never began. A batch with a list is held for its next
 * registration, so that no update that was acknowledged meanwhile is lost, and for the user who has sent that; the others go.
 */
async function releaseBatches(
  db: Models,
  held: HeldUpdates,
  generation: Generation,
  { from, batches }: PendingRegistration,
): Promise<void> {
  const ordinal = trusted({ $gte: from, $lt: from + batches.length });
  await db.batches.deleteMany({ generation, ordinal, begun: false });
  const sent = { generation, ordinal, sentBy: trusted({ $exists: true }) };
  for (const { batchId, sentBy } of await findFields(db.batches, sent, ['batchId', 'sentBy']))
    if (sentBy !== undefined) await holdAgain(db, held, generation, batchId, sentBy);
  await db.batches.updateMany(
    { generation, ordinal, sentBy: trusted({ $exists: false }) },
    {
      $inc: { version: 1 },
      $set: {
        generation: null,
        fileId: null,
        requestId: null,
        ordinal: null,
        held: true,
        heldAt: clock.date(),
      },
      $unset: { open: 1, pendingRollup: 1, unannounced: 1 },
    },
  );
}
