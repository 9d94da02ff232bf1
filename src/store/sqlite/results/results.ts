/** Writes and reads the results of batches: in chunks of one text, with an index of their addresses and domains. */

import type { BatchId } from '../../../domain/id.js';
import { charsOf, type PlacedResult, type Result, textLines } from '../../../domain/result.js';
import { groupNear } from '../../positions.js';
import { type CompiledFilter, cellCode, domainKey, FIRST_CELL_CODE, searchKey } from '../../result-filter.js';
import type { Database } from '../database.js';
import { takeRun } from './runs.js';

/**
 * A list holds fewer results than this. A place is `number of its list × LIST_PLACES + position`. A batch that gets another list
 * has both for a while: its list n has the number `batch number × LISTS + n`.
 */
export const LIST_PLACES = 2 ** 17;
export const LISTS = 2 ** 7;
/** Of all lists of a batch. */
export const PLACES = LISTS * LIST_PLACES;
/** Results in a chunk, and their characters unless one has more: what a page has to read to get at one of them. */
const CHUNK_LENGTH = 64;
const CHUNK_CHARS = 64 * 2 ** 10;
/** Results that are written in one go, and about how many characters of them: their entries go into one run of the index. */
const WRITTEN_AT_ONCE = 1024;
const CHARS_AT_ONCE = 2 ** 20;

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

const joined = (rows: readonly ResultRows[]): ResultRows => ({
  chunks: rows.flatMap(({ chunks }) => chunks),
  index: rows.flatMap(({ index }) => index),
});

/** Whether results are too many to be written in one go. */
export const areMany = (results: readonly Result[]): boolean =>
  results.length > WRITTEN_AT_ONCE || charsOf(results) > CHARS_AT_ONCE;

/** Portions of results, each of which is written in one go. */
export function* writtenPortions(results: readonly Result[], from = 0): Generator<readonly Result[], void> {
  let start = from;
  let chars = 0;
  for (let end = from; end < results.length; end++) {
    const { length } = results[end]?.json ?? '';
    if (end - start === WRITTEN_AT_ONCE || (end > start && chars + length > CHARS_AT_ONCE)) {
      yield results.slice(start, end);
      start = end;
      chars = 0;
    }
    chars += length;
  }
  if (start < results.length) yield results.slice(start);
}

function* rowsInPortions(results: readonly Result[], lines: string): Generator<ResultRows, void> {
  let end = 0;
  for (const slice of writtenPortions(results)) {
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

export function domainsOf(results: readonly Pick<Result, 'email' | 'cell'>[], place: number): DomainEntry[] {
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

export interface BatchKey {
  readonly number: number;
  readonly list: number;
  readonly generation: number;
}

/** The number of a batch's list. */
export const listOf = ({ number, list }: Pick<BatchKey, 'number' | 'list'>): number => number * LISTS + list;

/** Adds results to a batch's list, from a position on. */
export const appendResults = (db: Database, batch: BatchKey, from: number, rows: ResultRows): void =>
  writeResults(db, batch.generation, listOf(batch) * LIST_PLACES + from, rows);

/** Writes results of a generation, from a place on. */
export function writeResults(
  db: Database,
  generation: number,
  from: number,
  { chunks, index }: ResultRows,
): void {
  let place = from;
  for (const { length, cells, body } of chunks) {
    db.run('INSERT INTO chunks (place, length, cells, body) VALUES (?, ?, ?, ?)', place, length, cells, body);
    place += length;
  }
  place = from;
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
export const wholeList = (db: Database, batch: BatchKey & { readonly length: number }): string[] =>
  chunksFrom(db, listOf(batch), 0)
    .flatMap(({ body }) => body.split('\n'))
    .slice(0, batch.length);

/** The chunks of a list from a position on, which is where one begins. */
export const chunksFrom = (
  db: Database,
  list: number,
  from: number,
  limit = -1,
): (ChunkRow & { cells: string })[] =>
  db.all(
    'SELECT place, length, cells, body FROM chunks WHERE place >= ? AND place < ? ORDER BY place LIMIT ?',
    ...[list * LIST_PLACES + from, (list + 1) * LIST_PLACES, limit],
  );

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
  batches: readonly (Pick<ListRow, 'number' | 'list'> & { readonly length: number })[],
  filter: CompiledFilter,
): number[] {
  const ranges = batches.map((batch) => {
    const start = listOf(batch) * LIST_PLACES;
    return [start, start + batch.length];
  });
  const chunks = db.all<{ place: number; cells: string }>(
    `SELECT c.place, c.cells FROM json_each(?) AS list CROSS JOIN chunks AS c
     WHERE c.place >= list.value ->> 0 AND c.place < list.value ->> 1 ORDER BY c.place`,
    JSON.stringify(ranges),
  );
  const places: number[] = [];
  for (const { place, cells } of chunks)
    for (let index = 0; index < cells.length; index++)
      if (filter.passesCode(cells[index] ?? '')) places.push(place + index);
  return places;
}
