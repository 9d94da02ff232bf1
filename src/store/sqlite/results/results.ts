/** Writes and reads the results of batches: in chunks of one text, with an index of their addresses and domains. */

import type { BatchId } from '../../../domain/id.js';
import { charsOf, type PlacedResult, type Result, textLines } from '../../../domain/result.js';
import { portions, WorkTime } from '../../../portions.js';
import { groupNear } from '../../positions.js';
import {
  type CompiledFilter,
  cellCode,
  cellOfCode,
  domainKey,
  emailIn,
  FIRST_CELL_CODE,
  searchKey,
} from '../../result-filter.js';
import type { Database } from '../database.js';
import { RUNS, takeRun } from './runs.js';

/**
 * A list holds fewer results than this. A place is `number of its list × LIST_PLACES + position`. A batch that gets another list
 * has both for a while: its list n has the number `batch number × LISTS + n`.
 */
export const LIST_PLACES = 2 ** 17;
const LISTS = 2 ** 7;
/** Of all lists of a batch. */
export const PLACES = LISTS * LIST_PLACES;
/** Results in a chunk, and their characters unless one has more: what a page has to read to get at one of them. */
const CHUNK_LENGTH = 64;
const CHUNK_CHARS = 64 * 2 ** 10;
/** Results whose index entries are written in one go, into one run. */
const INDEXED_AT_ONCE = 1024;

export interface ChunkRow {
  place: number;
  length: number;
  body: string;
}

/** Results as they go into rows: text passes between threads at little cost, objects do not. */
export interface ResultRows {
  readonly chunks: readonly Chunk[];
  readonly index: readonly IndexEntries[];
}

interface Chunk {
  readonly length: number;
  /** A character for each result: the code of its cell. */
  readonly cells: string;
  /** The JSON of the results, a line each. */
  readonly body: string;
}

/** Entries of the index for some consecutive results. */
interface IndexEntries {
  readonly length: number;
  readonly cells: string;
  /** The index keys of the addresses, as a JSON array. */
  readonly addresses: string;
  /** `[key, place of the chunk, offsets, cells]` of each domain, as a JSON array; places count from the first of the results. */
  readonly domains: string;
}

/** `lines`: the text of all the results, as `textLines` gives it. */
export const rowsOf = (results: readonly Result[], lines = textLines(results)): ResultRows =>
  joined([...rowsInPortions(results, lines)]);

/** The same on the main thread, with turns for others. */
export async function rowsInTurns(results: readonly Result[], lines: string): Promise<ResultRows> {
  const time = new WorkTime();
  const rows: ResultRows[] = [];
  for (const some of rowsInPortions(results, lines)) {
    rows.push(some);
    if (time.isUp) await time.giveTurn();
  }
  return joined(rows);
}

const joined = (rows: readonly ResultRows[]): ResultRows => ({
  chunks: rows.flatMap(({ chunks }) => chunks),
  index: rows.flatMap(({ index }) => index),
});

function* rowsInPortions(results: readonly Result[], lines: string): Generator<ResultRows, void> {
  let end = 0;
  for (const slice of portions(results, INDEXED_AT_ONCE)) {
    const parts = cutIntoChunks(slice);
    const chunks = parts.map(({ chunk }) => {
      const start = end;
      end += charsOf(chunk) + chunk.length;
      // A part of a text is no copy of it.
      return { length: chunk.length, cells: cellsOf(chunk), body: lines.slice(start, end - 1) };
    });
    const entries = {
      length: slice.length,
      cells: cellsOf(slice),
      addresses: JSON.stringify(slice.map(({ email }) => searchKey(email))),
      domains: JSON.stringify(parts.flatMap(({ chunk, place }) => domainsOf(chunk, place))),
    };
    yield { chunks, index: [entries] };
  }
}

/** Chunks with their places, which count from the first of the results. */
function cutIntoChunks(results: readonly Result[]): { place: number; chunk: readonly Result[] }[] {
  const chunks: { place: number; chunk: Result[] }[] = [];
  let room = 0;
  results.forEach((result, place) => {
    const last = chunks.at(-1);
    if (last === undefined || last.chunk.length === CHUNK_LENGTH || result.json.length > room) {
      chunks.push({ place, chunk: [result] });
      room = CHUNK_CHARS;
    } else last.chunk.push(result);
    room -= result.json.length;
  });
  return chunks;
}

const cellsOf = (results: readonly Result[]): string => results.map(({ cell }) => cellCode(cell)).join('');

type DomainEntry = [key: string, place: number, offsets: string, cells: string];

function domainsOf(results: readonly Pick<Result, 'email' | 'cell'>[], place: number): DomainEntry[] {
  const found = new Map<string, { offsets: number[]; cells: string }>();
  results.forEach(({ email, cell }, offset) => {
    const key = domainKey(email);
    if (key === null) return;
    const entry = found.get(key) ?? { offsets: [], cells: '' };
    entry.offsets.push(offset);
    entry.cells += cellCode(cell);
    found.set(key, entry);
  });
  return [...found].map(([key, { offsets, cells }]) => [key, place, `[${offsets}]`, cells]);
}

interface BatchKey {
  readonly number: number;
  readonly list: number;
  readonly generation: number;
}

/** The number of a batch's list. */
const listOf = ({ number, list }: Pick<BatchKey, 'number' | 'list'>): number => number * LISTS + list;

/** Adds results to a batch's list, from a position on. */
export function appendResults(
  db: Database,
  batch: BatchKey,
  from: number,
  { chunks, index }: ResultRows,
): void {
  const { generation } = batch;
  let place = listOf(batch) * LIST_PLACES + from;
  for (const { length, cells, body } of chunks) {
    db.run('INSERT INTO chunks (place, length, cells, body) VALUES (?, ?, ?, ?)', place, length, cells, body);
    place += length;
  }
  place = listOf(batch) * LIST_PLACES + from;
  for (const { length, cells, addresses, domains } of index) {
    const run = takeRun(db, generation, length);
    db.run(ADD_ADDRESSES, generation, run, place, cells, addresses);
    db.run(ADD_DOMAINS, generation, run, place, domains);
    place += length;
  }
}

/** One statement for all entries: binding them one by one takes three times as long. */
const ADD_ADDRESSES = `INSERT INTO addresses (generation, run, key, place, cell)
  SELECT ?1, ?2, a.value, ?3 + a.key, unicode(substr(?4, a.key + 1, 1)) - ${FIRST_CELL_CODE} FROM json_each(?5) AS a`;
const ADD_DOMAINS = `INSERT INTO domains (generation, run, key, place, offsets, cells)
  SELECT ?1, ?2, d.value ->> 0, ?3 + (d.value ->> 1), d.value ->> 2, d.value ->> 3 FROM json_each(?4) AS d`;

/** The JSON of all results of a batch, in order. */
export const wholeList = (db: Database, batch: BatchKey): string[] =>
  chunksFrom(db, listOf(batch)).flatMap(({ body }) => body.split('\n'));

const chunksFrom = (db: Database, list: number, limit = -1): (ChunkRow & { cells: string })[] =>
  db.all(
    'SELECT place, length, cells, body FROM chunks WHERE place >= ? AND place < ? ORDER BY place LIMIT ?',
    ...[list * LIST_PLACES, (list + 1) * LIST_PLACES, limit],
  );

/** Gives a batch another list, which is empty. The one that it had is deleted by `dropReplaced`. Answers with the new one. */
export function replaceList(db: Database, batch: BatchKey): number {
  db.insert('replaced_lists', { list: listOf(batch), generation: batch.generation });
  const list = (batch.list + 1) % LISTS;
  while (dropReplaced(db, listOf({ ...batch, list })));
  return list;
}

/** Whether any lists that batches had before are still there. */
export const hasReplaced = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM replaced_lists LIMIT 1') !== undefined;

/** Whether lists that this batch had before are. */
export const hasReplacedOf = (db: Database, batchId: BatchId): boolean =>
  db.get(
    `SELECT 1 AS some FROM batches AS b JOIN replaced_lists AS r
       ON r.list >= b.number * ${LISTS} AND r.list < (b.number + 1) * ${LISTS} WHERE b.batchId = ? LIMIT 1`,
    batchId,
  ) !== undefined;

/**
 * Deletes one chunk of the list that was replaced first, or of the given one, from the index too. False: there is nothing left
 * of it.
 */
export function dropReplaced(db: Database, list: number | null = null): boolean {
  const which = list === null ? 'ORDER BY rowid LIMIT 1' : 'WHERE list = ?';
  const replaced = db.get<{ list: number; generation: number }>(
    `SELECT list, generation FROM replaced_lists ${which}`,
    ...(list === null ? [] : [list]),
  );
  if (replaced === undefined) return false;
  const [chunk] = chunksFrom(db, replaced.list, 1);
  if (chunk === undefined) db.run('DELETE FROM replaced_lists WHERE list = ?', replaced.list);
  else dropChunk(db, replaced.generation, chunk);
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

/** What is needed of a batch to read its results. */
export interface ListRow {
  readonly number: number;
  readonly list: number;
  readonly batchId: BatchId;
}

/** The results at the given positions of a batch, which are in ascending order. */
export const resultsAt = (db: Database, batch: ListRow, positions: readonly number[]): PlacedResult[] =>
  groupNear(positions).flatMap((group) => readGroup(db, batch, group));

function readGroup(db: Database, batch: ListRow, positions: readonly number[]): PlacedResult[] {
  const { batchId } = batch;
  const base = listOf(batch) * LIST_PLACES;
  const chunks = db.all<ChunkRow>(
    `SELECT place, length, body FROM chunks
     WHERE place >= (SELECT max(place) FROM chunks WHERE place <= ?) AND place <= ? ORDER BY place`,
    base + (positions[0] ?? 0),
    base + (positions.at(-1) ?? 0),
  );
  const found: PlacedResult[] = [];
  let next = 0;
  for (const { place, length, body } of chunks) {
    const start = place - base;
    let lines: string[] | undefined;
    for (; next < positions.length && (positions[next] ?? 0) < start + length; next++) {
      const position = positions[next] ?? 0;
      lines ??= body.split('\n');
      const json = lines[position - start];
      if (json !== undefined) found.push({ batchId, position, json });
    }
  }
  return found;
}

/** The places of the results of some batches whose cells pass a filter, in order. */
export function passingPlaces(
  db: Database,
  batches: readonly Pick<ListRow, 'number' | 'list'>[],
  filter: CompiledFilter,
): number[] {
  const chunks = db.all<{ place: number; cells: string }>(
    `SELECT c.place, c.cells FROM json_each(?) AS list CROSS JOIN chunks AS c
     WHERE c.place >= list.value * ${LIST_PLACES} AND c.place < (list.value + 1) * ${LIST_PLACES} ORDER BY c.place`,
    JSON.stringify(batches.map(listOf)),
  );
  const places: number[] = [];
  for (const { place, cells } of chunks)
    for (let index = 0; index < cells.length; index++)
      if (filter.passesCode(cells[index] ?? '')) places.push(place + index);
  return places;
}
