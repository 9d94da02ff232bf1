/**
 * Long lists of held updates, in pieces. A registration takes no such list in by itself: it makes the update *due*, and the list
 * is stored in portions then, see ../due-updates.ts.
 */
import type { BatchId } from '../../../domain/id.js';
import type { Update } from '../../../domain/update.js';
import type { Database } from '../database.js';

type Envelope = Omit<Update, 'results'>;

/** A list has fewer pieces: each but the last has many results, or many characters. */
const PIECES = 2 ** 20;
/** Pieces that are deleted in one go. */
const AT_ONCE = 2;

/** A list by its number, and about how many bytes its pieces have. */
export interface HeldList {
  readonly list: number;
  readonly bytes: number;
}

/** Lists are written piece by piece, and deleted at least as fast: each turn of the writing thread has a step of clean-up. */
export const heldListWrites = {
  /** Answers with the number of a list that has no pieces yet. */
  begin: (db: Database): number => db.insert('held_lists', { ended: 0 }).lastInsertRowid,
  /** `piece`: counted from 0; `body`: a JSON array of results. */
  add(db: Database, list: number, piece: number, body: string): void {
    db.insert('held_pieces', { place: list * PIECES + piece, body });
  },
  drop: endHeldList,
};

/** Ends the lists that were being written when the process ended: none goes on with them. */
export const endUnheldLists = (db: Database): unknown =>
  db.run(
    `UPDATE held_lists SET ended = 1 WHERE list NOT IN (SELECT list FROM held WHERE list IS NOT NULL)
       AND list NOT IN (SELECT list FROM due_updates)`,
  );

/** The list is deleted, some pieces at a time. */
export function endHeldList(db: Database, list: number | null): void {
  if (list !== null) db.run('UPDATE held_lists SET ended = 1 WHERE list = ?', list);
}

export const hasEndedHeldLists = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM held_lists WHERE ended = 1 LIMIT 1') !== undefined;

/** Deletes some of what ended lists still hold; false: nothing is left to delete. */
export function cleanUpHeldLists(db: Database): boolean {
  const list = db.get<{ list: number }>('SELECT list FROM held_lists WHERE ended = 1 LIMIT 1')?.list;
  if (list === undefined) return false;
  const { changes } = db.run(
    'DELETE FROM held_pieces WHERE place IN (SELECT place FROM held_pieces WHERE place >= ? AND place < ? LIMIT ?)',
    ...[list * PIECES, (list + 1) * PIECES, AT_ONCE],
  );
  if (changes === 0) db.run('DELETE FROM held_lists WHERE list = ?', list);
  return true;
}

/** Makes an update with such a list due for its batch, which is registered. */
export function makeDue(
  db: Database,
  batch: { readonly batchId: BatchId; readonly generation: number },
  envelope: string,
  list: number,
): void {
  const { batchId, generation } = batch;
  db.insert('due_updates', { list, batchId, generation, envelope });
}

/** An update that is due, by the number of its list. */
export interface DueUpdate {
  readonly due: number;
}

/** The generation for whose batch an update is due; undefined: it is done, or its request is over. */
export const generationOfDue = (db: Database, { due }: DueUpdate): number | undefined =>
  db.get<{ generation: number }>('SELECT generation FROM due_updates WHERE list = ?', due)?.generation;

/** The numbers of the lists that are due for some batches. */
export const dueOf = (db: Database, batchIds: readonly BatchId[]): number[] =>
  db
    .all<{ list: number }>(
      'SELECT list FROM due_updates WHERE batchId IN (SELECT value FROM json_each(?)) ORDER BY list',
      JSON.stringify(batchIds),
    )
    .map(({ list }) => list);

export const batchesOfDue = (db: Database, due: readonly number[]): BatchId[] =>
  due.flatMap((list) => {
    const row = db.get<{ batchId: BatchId }>('SELECT batchId FROM due_updates WHERE list = ?', list);
    return row === undefined ? [] : [row.batchId];
  });

/** The update is stored, or will never be. */
export function dropDue(db: Database, { due }: DueUpdate): void {
  db.run('DELETE FROM due_updates WHERE list = ?', due);
  endHeldList(db, due);
}

/** What is due for batches of a generation that ends. */
export function dropDueOf(db: Database, generation: number): void {
  const which = 'SELECT list FROM due_updates WHERE generation = ?';
  db.run(`UPDATE held_lists SET ended = 1 WHERE list IN (${which})`, generation);
  db.run('DELETE FROM due_updates WHERE generation = ?', generation);
}

export const dueUpdateReads = {
  all: (db: Database): number[] =>
    db.all<{ list: number }>('SELECT list FROM due_updates ORDER BY list').map(({ list }) => list),
  find(db: Database, list: number): Envelope | null {
    const row = db.get<{ envelope: string }>('SELECT envelope FROM due_updates WHERE list = ?', list);
    return row === undefined ? null : (JSON.parse(row.envelope) as Envelope);
  },
  /** A piece of a list, counted from 0; null: there are no more. */
  piece: (db: Database, list: number, piece: number): string | null =>
    db.get<{ body: string }>('SELECT body FROM held_pieces WHERE place = ?', list * PIECES + piece)?.body ??
    null,
};
