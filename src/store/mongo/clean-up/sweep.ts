import { trusted } from 'mongoose';
import { sweepUnconfirmedChunks } from '../batches/chunks.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { discardDeadLettersOfFile } from '../dead-letters.js';
import type { TombstoneDoc } from '../documents.js';
import { findFile, writeTombstone } from '../generations.js';
import type { Models } from '../models.js';
import { dropReceipts } from '../receipts.js';
import { completeRegistration } from '../registration/pending-registrations.js';
import { cleanGeneration, TOMBSTONE_MS } from './clean-generation.js';

/** By then whatever was under way when a generation ended has come to its end, too. */
const QUIET_MS = 60_000;
const FORGOTTEN_MS = 3_600_000;
/** Ended generations, or registrations, that are looked at in one go. */
const AT_ONCE = 256;

/**
 * Deletes a file and every trace of its addresses; false: there is no such file. The file's document goes first, in one
 * write, and the note that its generation is over is there before that: wherever this is interrupted, nothing of the file is
 * answered any more, and the next call, or the sweep of any gateway, finishes it.
 */
export async function removeFile(db: Models, fileId: string): Promise<boolean> {
  await dropReceipts(db, fileId);
  for (;;) {
    const file = await findFile(db, fileId);
    if (file === null) break;
    await writeTombstone(db, file, true);
    const { deletedCount } = await db.files.deleteOne({
      fileId,
      generation: file.generation,
      requestId: file.requestId,
    });
    if (deletedCount === 1) break;
  }
  const ended = await db.tombstones.find({ fileId, cleaned: false }).lean<TombstoneDoc[]>().exec();
  const over: TombstoneDoc[] = [];
  for (const generation of ended) {
    if ((await findFile(db, fileId))?.generation === generation._id) continue;
    await cleanGeneration(db, generation);
    over.push(generation);
  }
  await discardDeadLettersOfFile(db, fileId);
  // Of two that delete at once, or of a first try and a second, one is told that there was a file; once nothing is left.
  let existed = false;
  for (const { _id, removed } of over) {
    if (!removed) continue;
    const told = { $set: { removed: false } };
    const { modifiedCount } = await db.tombstones.updateOne({ _id, removed: true }, told);
    existed ||= modifiedCount === 1;
  }
  return existed;
}

/**
 * What any gateway does now and then for those that died: cleans ended generations once more when nothing can be under way in
 * them, finishes registrations, and drops chunks that nobody refers to.
 */
export async function sweep(
  db: Models,
  held: HeldUpdates,
  now: number,
  stopping?: AbortSignal,
): Promise<void> {
  const quiet = trusted({ $lt: new Date(now - QUIET_MS) });
  const generations = await db.tombstones
    .find({ cleaned: false, endedAt: quiet })
    .limit(AT_ONCE)
    .lean<TombstoneDoc[]>()
    .exec();
  for (const generation of generations) {
    const { _id, fileId, endedAt } = generation;
    if ((await findFile(db, fileId))?.generation === _id) {
      // Noted by somebody who then died, or lost a race: the generation goes on.
      if (endedAt.getTime() < now - FORGOTTEN_MS)
        await db.tombstones.deleteOne({ _id, cleaned: false, endedAt });
      continue;
    }
    if (!(await cleanGeneration(db, generation, stopping))) return;
    // Nobody was told that it is gone: whoever removed it may not have come this far.
    if (generation.removed) await discardDeadLettersOfFile(db, fileId);
    const expireAt = new Date(endedAt.getTime() + TOMBSTONE_MS);
    await db.tombstones.updateOne({ _id, endedAt }, { $set: { cleaned: true, expireAt } });
  }
  const begun = await db.files.find({ 'pending.at': quiet }, { _id: 0 }).limit(AT_ONCE).lean();
  for (const file of begun)
    if (file.pending !== undefined) await completeRegistration(db, held, file, file.pending);
  await sweepUnconfirmedChunks(db, now);
}
