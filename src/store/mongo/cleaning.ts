import { trusted } from 'mongoose';
import { discardLettersOf } from './dead-letters.js';
import type { EndedDoc } from './documents.js';
import { clean, TOMBSTONE_MS } from './ended-lives.js';
import type { Held } from './held.js';
import { carryOut } from './intents.js';
import { bury, fileOf } from './lives.js';
import type { Models } from './models.js';
import { sweepParts } from './parts.js';
import { dropReceipts } from './receipts.js';

/** By then whatever was under way when a life ended has come to its end, too. */
const QUIET_MS = 60_000;
const FORGOTTEN_MS = 3_600_000;
/** Ended lives, or registrations, that are looked at in one go. */
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
