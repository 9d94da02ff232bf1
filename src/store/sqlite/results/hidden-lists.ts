/** Results that no read finds: those that an update is still writing, and those that are deleted, some at a time. */
import { cellOfCode, emailIn, searchKey } from '../../result-filter.js';
import type { Database } from '../database.js';
import {
  type BatchKey,
  type ChunkRow,
  chunksFrom,
  domainsOf,
  LIST_PLACES,
  LISTS,
  listOf,
} from './results.js';
import { RUNS } from './runs.js';

/** Lists of one batch that wait to be deleted; its next update waits where there are as many. */
const MAX_REPLACED = 4;

/** SQL: whether reads find the result at a place. */
export const isShown = (place: string): string =>
  `NOT EXISTS (SELECT 1 FROM hidden_lists WHERE list = ${place} / ${LIST_PLACES} AND start <= ${place} % ${LIST_PLACES})`;

/** Whether a list, or its end, is hidden: nothing can be added to it. */
export const isHidden = (db: Database, list: number): boolean =>
  db.get('SELECT 1 AS hidden FROM hidden_lists WHERE list = ?', list) !== undefined;

/** Hides what an update is about to write into a list, from a position on. */
export function hideWritten(db: Database, list: number, generation: number, start: number): void {
  db.insert('hidden_lists', { list, generation, start, writing: 1 });
}

/** Where the update that writes into a list began; undefined: what it has written is deleted, or will be. */
export const findWritten = (db: Database, list: number): { generation: number; start: number } | undefined =>
  db.get('SELECT generation, start FROM hidden_lists WHERE list = ? AND writing = 1', list);

/** What was written into a list is found from now on. */
export const showWritten = (db: Database, list: number): unknown =>
  db.run('DELETE FROM hidden_lists WHERE list = ? AND writing = 1', list);

/** What was written into a list is deleted. */
export const dropWritten = (db: Database, list: number): unknown =>
  db.run('UPDATE hidden_lists SET writing = 0 WHERE list = ? AND writing = 1', list);

/** Drops what updates had written that were under way when the process ended: none goes on with them. */
export const dropAllWritten = (db: Database): unknown =>
  db.run('UPDATE hidden_lists SET writing = 0 WHERE writing = 1');

/** Hides the list of a batch, which gets another one. It is deleted by `dropHidden`. */
export function hideList(db: Database, batch: BatchKey): void {
  db.run(
    `INSERT INTO hidden_lists (list, generation) VALUES (?, ?)
     ON CONFLICT (list) DO UPDATE SET start = 0, writing = 0`,
    listOf(batch),
    batch.generation,
  );
}

/** Which of its lists a batch gets next: one that is empty. */
export function nextList(db: Database, batch: BatchKey): number {
  const list = (batch.list + 1) % LISTS;
  for (let next = list; next !== batch.list; next = (next + 1) % LISTS)
    if (!isHidden(db, listOf({ ...batch, list: next }))) return next;
  while (dropHidden(db, listOf({ ...batch, list })));
  return list;
}

/** Whether anything hidden is to be deleted. */
export const hasHidden = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM hidden_lists WHERE writing = 0 LIMIT 1') !== undefined;

/** Whether a batch has as many lists to be deleted as it may have. */
export const isCrowded = (db: Database, { number }: Pick<BatchKey, 'number'>): boolean =>
  (db.get<{ lists: number }>(
    'SELECT count(*) AS lists FROM hidden_lists WHERE list >= ? AND list < ? AND writing = 0',
    ...[number * LISTS, (number + 1) * LISTS],
  )?.lists ?? 0) >= MAX_REPLACED;

interface HiddenRow {
  readonly list: number;
  readonly generation: number;
  readonly start: number;
}

/**
 * Deletes one chunk of the list that was hidden first, or of the given one, from the index too. False: there is nothing left
 * of it.
 */
export function dropHidden(db: Database, list: number | null = null): boolean {
  const which = list === null ? 'writing = 0 ORDER BY rowid LIMIT 1' : 'list = ?';
  const hidden = db.get<HiddenRow>(
    `SELECT list, generation, start FROM hidden_lists WHERE ${which}`,
    ...(list === null ? [] : [list]),
  );
  if (hidden === undefined) return false;
  const [chunk] = chunksFrom(db, hidden.list, hidden.start, 1);
  if (chunk === undefined) db.run('DELETE FROM hidden_lists WHERE list = ?', hidden.list);
  else dropChunk(db, hidden.generation, chunk);
  return true;
}

function dropChunk(db: Database, generation: number, chunk: ChunkRow & { cells: string }): void {
  const { place, cells, body } = chunk;
  const results = body
    .split('\n')
    .map((json, offset) => ({ email: emailIn(json), cell: cellOfCode(cells[offset] ?? '') }));
  const drop = (table: 'addresses' | 'domains', key: string, at: number) =>
    db.run(
      `DELETE FROM ${table} WHERE generation = ?1 AND run IN (${RUNS}) AND key = ?2 AND place = ?3`,
      ...[generation, key, at],
    );
  results.forEach(({ email }, offset) => {
    drop('addresses', searchKey(email), place + offset);
  });
  for (const [key] of domainsOf(results, 0)) drop('domains', key, place);
  db.run('DELETE FROM chunks WHERE place = ?', place);
}
