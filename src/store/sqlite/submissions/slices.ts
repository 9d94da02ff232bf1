/** The slices of submissions in SQLite, and their addresses. */
import { textPortions } from '../../../portions.js';
import { type NewSlice, type Slice, STORED_PIECE_CHARS } from '../../submissions.js';
import type { Database } from '../database.js';

/** Pieces deleted in one go. */
const PIECES_AT_ONCE = 16;

const isOwner = (db: Database, id: string, owner: string): boolean =>
  db.get(
    "SELECT 1 AS owned FROM submissions WHERE id = ? AND owner = ? AND ended = 0 AND state = 'preparing'",
    ...[id, owner],
  ) !== undefined;

export function addSlice(db: Database, id: string, owner: string, slice: NewSlice): boolean {
  if (!isOwner(db, id, owner)) return false;
  const { number, emails, addresses } = slice;
  db.insert('slices', { submission: id, number, state: 'waiting', emails });
  for (const [piece, body] of [...textPortions(addresses, STORED_PIECE_CHARS)].entries())
    db.insert('submission_pieces', { submission: id, slice: number, piece, body });
  return true;
}

export const nextSlice = (db: Database, id: string): Slice | null =>
  db.get<Slice>(
    `SELECT number, state, emails, acceptance FROM slices
     WHERE submission = ? AND state IN ('waiting', 'sending', 'accepted') ORDER BY number LIMIT 1`,
    id,
  ) ?? null;

export const slicesOf = (db: Database, id: string): Slice[] =>
  db.all<Slice>(
    'SELECT number, state, emails, acceptance FROM slices WHERE submission = ? ORDER BY number',
    id,
  );

export function addressesOf(db: Database, id: string, number: number): string | null {
  const pieces = db.all<{ body: string }>(
    'SELECT body FROM submission_pieces WHERE submission = ? AND slice = ? ORDER BY piece',
    ...[id, number],
  );
  return pieces.length === 0 ? null : pieces.map(({ body }) => body).join('');
}

/** Deletes some of what submissions that have ended still hold; false: nothing is left. */
export function cleanSubmissions(db: Database): boolean {
  const id = db.get<{ id: string }>('SELECT id FROM submissions WHERE ended = 1 LIMIT 1')?.id;
  if (id === undefined) return false;
  const { changes } = db.run(
    `DELETE FROM submission_pieces WHERE (submission, slice, piece) IN (
       SELECT submission, slice, piece FROM submission_pieces WHERE submission = ? LIMIT ${PIECES_AT_ONCE})`,
    id,
  );
  if (changes > 0) return true;
  const slices = db.run(
    'DELETE FROM slices WHERE submission = ?1 AND number IN (SELECT number FROM slices WHERE submission = ?1 LIMIT 1000)',
    id,
  );
  if (slices.changes > 0) return true;
  db.run('UPDATE submissions SET ended = 2 WHERE id = ? AND key IS NOT NULL', id);
  db.run('DELETE FROM submissions WHERE id = ? AND ended = 1', id);
  return true;
}
