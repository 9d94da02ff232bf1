import { trusted } from 'mongoose';
import { discardLettersOf } from './dead-letters.js';
import type { Batch, EndedDoc } from './documents.js';
import type { Held } from './held.js';
import { carryOut } from './intents.js';
import { bury, fileOf } from './lives.js';
import type { Models } from './models.js';
import { dropParts, loosen, sweepParts } from './parts.js';
import { dropReceipts } from './receipts.js';

/** How long a late update of an ended life is recognised as such. */
const TOMBSTONE_MS = 24 * 3_600_000;
/** By then whatever was under way when a life ended has come to its end, too. */
const QUIET_MS = 60_000;
const FORGOTTEN_MS = 3_600_000;
/** Batches, or ended lives, that are looked at in one go. */
const AT_ONCE = 256;

/**
 * Deletes a file and every trace of its addresses; false: there is no such file. The file's document goes first, in one
 * write, and the note that its life is over is there before that: wherever this is interrupted, nothing of the file is
 * answered any more, and the next call, or the sweep of any gateway, finishes it.
 */
export async function remove(db: Models, fileId: string): Promise<boolean> {
  await dropReceipts(db, fileId);
  for (;;) {
    const file = await fileOf(db, fileId);
    if (file === null) break;
    await bury(db, file, true);
    const { deletedCount } = await db.files.deleteOne({ fileId, life: file.life, requestId: file.requestId });
    if (deletedCount === 1) break;
  }
  const ended = await db.ended.find({ fileId, cleaned: false }).lean<EndedDoc[]>().exec();
  const over: EndedDoc[] = [];
  for (const life of ended) {
    if ((await fileOf(db, fileId))?.life === life._id) continue;
    await clean(db, life);
    over.push(life);
  }
  await discardLettersOf(db, fileId);
  // Of two that delete at once, or of a first try and a second, one is told that there was a file; once nothing is left.
  let existed = false;
  for (const { _id, removed } of over) {
    if (!removed) continue;
    const told = { $set: { removed: false } };
    const { modifiedCount } = await db.ended.updateOne({ _id, removed: true }, told);
    existed ||= modifiedCount === 1;
  }
  return existed;
}

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

/**
 * What any gateway does now and then for those that died: cleans ended lives once more when nothing can be under way in
 * them, finishes registrations, and drops parts that nobody refers to.
 */
export async function sweep(db: Models, held: Held, now: number, stopping?: AbortSignal): Promise<void> {
  const quiet = trusted({ $lt: new Date(now - QUIET_MS) });
  const lives = await db.ended
    .find({ cleaned: false, endedAt: quiet })
    .limit(AT_ONCE)
    .lean<EndedDoc[]>()
    .exec();
  for (const life of lives) {
    const { _id, fileId, endedAt } = life;
    if ((await fileOf(db, fileId))?.life === _id) {
      // Noted by somebody who then died, or lost a race: the life goes on.
      if (endedAt.getTime() < now - FORGOTTEN_MS) await db.ended.deleteOne({ _id, cleaned: false, endedAt });
      continue;
    }
    if (!(await clean(db, life, stopping))) return;
    // Nobody was told that it is gone: whoever removed it may not have come this far.
    if (life.removed) await discardLettersOf(db, fileId);
    const expireAt = new Date(endedAt.getTime() + TOMBSTONE_MS);
    await db.ended.updateOne({ _id, endedAt }, { $set: { cleaned: true, expireAt } });
  }
  const begun = await db.files.find({ 'intent.at': quiet }, { _id: 0 }).limit(AT_ONCE).lean();
  for (const file of begun) if (file.intent !== undefined) await carryOut(db, held, file, file.intent);
  await sweepParts(db, now);
}
