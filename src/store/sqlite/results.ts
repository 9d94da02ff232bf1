import type { Result } from '../../domain/result.js';
import type { Database } from './database.js';

/** A batch holds fewer results than this: a place is `batch number × PLACES + position`. */
export const PLACES = 2 ** 24;
/** Results in a chunk, at most: what a page has to read to get at one of them. */
const CHUNK = 256;
/** Addresses in a run of the index, about. */
const RUN = 1024;
/** Characters of an address that the index sorts by; longer ones exist, but nobody types that much of them. */
export const KEY_LENGTH = 254;

/** Upper case, because lower case depends on the neighbours: a sigma at the end of a word is another letter there. */
export const foldCase = (text: string): string => text.toUpperCase();
export const keyOf = (email: string): string => foldCase(email).slice(0, KEY_LENGTH).toWellFormed();
export const letterOf = (cell: number): string => String.fromCharCode(97 + cell);

interface ChunkRow {
  place: number;
  length: number;
  body: string;
}

/** Adds results to the end of a batch's list. */
export function appendResults(
  db: Database,
  life: number,
  batch: number,
  from: number,
  results: readonly Result[],
): void {
  for (let start = 0; start < results.length; start += CHUNK) {
    const chunk = results.slice(start, start + CHUNK);
    const place = batch * PLACES + from + start;
    const run = takeRun(db, life, chunk.length);
    db.run(
      'INSERT INTO chunks (place, length, run, cells, body) VALUES (?, ?, ?, ?, ?)',
      place,
      chunk.length,
      run,
      chunk.map(({ cell }) => letterOf(cell)).join(''),
      chunk.map(({ json }) => json).join('\n'),
    );
    indexAddresses(db, life, run, place, chunk);
  }
}

function takeRun(db: Database, life: number, length: number): number {
  const { run, run_length } = db.get<{ run: number; run_length: number }>(
    'SELECT run, run_length FROM lives WHERE life = ?',
    life,
  ) ?? { run: 0, run_length: 0 };
  const next = run_length >= RUN ? { run: run + 1, length } : { run, length: run_length + length };
  db.run('UPDATE lives SET run = ?, run_length = ? WHERE life = ?', next.run, next.length, life);
  return next.run;
}

const ROWS_AT_ONCE = 16;
const insertAddresses = (rows: number) =>
  `INSERT INTO addresses (life, run, key, place, cell) VALUES ${Array(rows).fill('(?, ?, ?, ?, ?)').join(', ')}`;
const INSERT_MANY = insertAddresses(ROWS_AT_ONCE);
const INSERT_ONE = insertAddresses(1);

function indexAddresses(
  db: Database,
  life: number,
  run: number,
  place: number,
  results: readonly Result[],
): void {
  const rows = results.map(
    ({ email, cell }, index) => [life, run, keyOf(email), place + index, cell] as const,
  );
  let row = 0;
  for (; row + ROWS_AT_ONCE <= rows.length; row += ROWS_AT_ONCE) {
    db.run(INSERT_MANY, ...rows.slice(row, row + ROWS_AT_ONCE).flat());
  }
  for (const single of rows.slice(row)) db.run(INSERT_ONE, ...single);
}

/** Drops a batch's list, in the index too; answers with its results' JSON, in order. */
export function dropResults(db: Database, life: number, batch: number): string[] {
  const chunks = db.all<ChunkRow & { run: number }>(
    'SELECT place, length, run, body FROM chunks WHERE place >= ? AND place < ? ORDER BY place',
    batch * PLACES,
    (batch + 1) * PLACES,
  );
  const dropped: string[] = [];
  for (const { place, run, body } of chunks) {
    body.split('\n').forEach((json, index) => {
      dropped.push(json);
      const { email } = JSON.parse(json) as { email: string };
      db.run(
        'DELETE FROM addresses WHERE life = ? AND run = ? AND key = ? AND place = ?',
        life,
        run,
        keyOf(email),
        place + index,
      );
    });
    db.run('DELETE FROM chunks WHERE place = ?', place);
  }
  return dropped;
}

/** Positions that lie closer than this are read in one go. */
const NEAR = 32;

/** The JSON of the results at the given positions of a batch, which are in ascending order. */
export function resultsAt(
  db: Database,
  batch: number,
  positions: readonly number[],
): { position: number; json: string }[] {
  const found: { position: number; json: string }[] = [];
  for (let start = 0; start < positions.length; ) {
    let end = start + 1;
    while (end < positions.length && (positions[end] ?? 0) - (positions[end - 1] ?? 0) <= NEAR) end++;
    readSpan(db, batch, positions.slice(start, end), found);
    start = end;
  }
  return found;
}

function readSpan(
  db: Database,
  batch: number,
  positions: readonly number[],
  found: { position: number; json: string }[],
): void {
  const base = batch * PLACES;
  const first = base + (positions[0] ?? 0);
  const last = base + (positions.at(-1) ?? 0);
  const chunks = db.all<ChunkRow>(
    `SELECT place, length, body FROM chunks
     WHERE place >= (SELECT max(place) FROM chunks WHERE place <= ?) AND place <= ? ORDER BY place`,
    first,
    last,
  );
  let next = 0;
  for (const { place, length, body } of chunks) {
    const start = place - base;
    let lines: string[] | undefined;
    for (; next < positions.length && (positions[next] ?? 0) < start + length; next++) {
      const position = positions[next] ?? 0;
      lines ??= body.split('\n');
      const json = lines[position - start];
      if (json !== undefined) found.push({ position, json });
    }
  }
}

/** The positions of a batch's results whose cell is among `letters`. */
export function positionsOf(db: Database, batch: number, letters: ReadonlySet<string>): number[] {
  const positions: number[] = [];
  const chunks = db.all<{ place: number; cells: string }>(
    'SELECT place, cells FROM chunks WHERE place >= ? AND place < ? ORDER BY place',
    batch * PLACES,
    (batch + 1) * PLACES,
  );
  for (const { place, cells } of chunks) {
    const start = place - batch * PLACES;
    for (let index = 0; index < cells.length; index++) {
      if (letters.has(cells[index] ?? '')) positions.push(start + index);
    }
  }
  return positions;
}
