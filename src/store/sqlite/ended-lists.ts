/** Lists that have ended: nothing is answered from them any more, and their chunks are deleted, a few at a time. */
import { clock } from '../../clock.js';
import type { FileId, ListId } from '../../domain/id.js';
import type { Database } from './database.js';

/** A chunk's place: the number of its list × this + its own number. */
export const CHUNKS = 2 ** 20;
/** Deleted bytes are overwritten, so that a step of clean-up costs as much as writing these. */
const CHUNKS_AT_ONCE = 8;

/** False: there is no such list, finished or being uploaded. */
export const endList = (db: Database, listId: ListId): boolean => endLists(db, 'listId = ?', listId) > 0;

/** What is left of an ended list until its chunks are deleted has nothing personal. */
export const endLists = (db: Database, which: string, ...binds: (string | number)[]): number =>
  db.run(
    `UPDATE lists SET ended = 1, userId = NULL, name = '', summary = NULL WHERE ended = 0 AND ${which}`,
    ...binds,
  ).changes;

export function endExpiredLists(db: Database): void {
  endLists(db, 'expiresAt IS NOT NULL AND expiresAt <= ?', clock.now());
}

/** Uploads that were under way when the process ended: there is no other process that could go on with them. */
export const endUploads = (db: Database): number => endLists(db, 'summary IS NULL');

export const hasEndedLists = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM lists WHERE ended = 1 LIMIT 1') !== undefined;

export const isListGone = (db: Database, listId: ListId): boolean =>
  db.get('SELECT 1 AS left FROM lists WHERE listId = ?', listId) === undefined;

export const areListsOfFileGone = (db: Database, fileId: FileId): boolean =>
  db.get('SELECT 1 AS left FROM lists WHERE ended = 1 AND fileId = ? LIMIT 1', fileId) === undefined;

/** Deletes some of what lists that have ended still hold; false: nothing is left to delete. */
export function cleanUpLists(db: Database): boolean {
  const list = db.get<{ number: number }>('SELECT number FROM lists WHERE ended = 1 LIMIT 1');
  if (list === undefined) return false;
  const first = list.number * CHUNKS;
  const { changes } = db.run(
    'DELETE FROM list_chunks WHERE place IN (SELECT place FROM list_chunks WHERE place >= ? AND place < ? LIMIT ?)',
    ...[first, first + CHUNKS, CHUNKS_AT_ONCE],
  );
  if (changes === 0) db.run('DELETE FROM lists WHERE number = ?', list.number);
  return true;
}
