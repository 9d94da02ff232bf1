/**
 * Ends lists in MongoDB. The document is marked first: from then on nothing is answered of the list. Its chunks are deleted
 * next, and the document, which has nothing personal any more, goes a minute later: a chunk that was under way when the
 * list ended is deleted with it.
 */
import { trusted } from 'mongoose';
import { clock } from '../../clock.js';
import type { Generation, ListId } from '../../domain/id.js';
import { findFields, type Models } from './models.js';

/** By then every call that was under way when a list ended has come to its end, too. */
const QUIET_MS = 60_000;
/** Lists that one sweep looks at. */
const AT_ONCE = 256;

const ENDED = { userId: null, name: '', summary: null, expiresAt: null } as const;

/** False: there is no such list. `generation`: only if it is attached to that. */
export async function endList(db: Models, listId: ListId, generation?: Generation): Promise<boolean> {
  const which = generation === undefined ? {} : { generation };
  const { matchedCount } = await db.lists.updateOne(
    { _id: listId, endedAt: null, ...which },
    { $set: { ...ENDED, endedAt: new Date(clock.now()) } },
  );
  if (matchedCount > 0) await db.listChunks.deleteMany({ listId });
  return matchedCount > 0;
}

export async function endListsOfGeneration(db: Models, generation: Generation): Promise<void> {
  const lists = await findFields(db.lists, { generation, endedAt: null }, ['_id']);
  for (const { _id } of lists) await endList(db, _id, generation);
}

export async function endExpiredLists(db: Models, now: number): Promise<void> {
  const expired = await findFields(
    db.lists,
    { expiresAt: trusted({ $lte: new Date(now) }), endedAt: null },
    ['_id'],
    { limit: AT_ONCE },
  );
  for (const { _id } of expired) await endList(db, _id);
}

/** Finishes what a gateway that died has left, and forgets the lists whose time as a mark is over. */
export async function sweepEndedLists(db: Models, now: number): Promise<void> {
  const over = await findFields(db.lists, { endedAt: trusted({ $lt: new Date(now - QUIET_MS) }) }, ['_id'], {
    limit: AT_ONCE,
  });
  for (const { _id } of over) {
    await db.listChunks.deleteMany({ listId: _id });
    await db.lists.deleteOne({ _id });
  }
}
