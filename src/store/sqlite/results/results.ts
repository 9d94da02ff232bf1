/** Writes and reads the results of batches: in chunks of one text, with an index of their addresses and domains. */

import type { BatchId } from '../../../domain/id.js';
import { charsOf, type PlacedResult, type Result, textLines } from '../../../domain/result.js';
import { portions } from '../../../portions.js';
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

/** A batch holds fewer results than this: a place is `batch number × PLACES + position`. */
export const PLACES = 2 ** 24;
/** Results in a chunk, at most: what a page has to read to get at one of them. */
const CHUNK_LENGTH = 64;
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
export function rowsOf(results: readonly Result[], lines = textLines(results)): ResultRows {
  let end = 0;
  return {
    chunks: portions(results, CHUNK_LENGTH).map((slice) => {
      const start = end;
      end += charsOf(slice) + slice.length;
      // A part of a text is no copy of it.
      return { length: slice.length, cells: cellsOf(slice), body: lines.slice(start, end - 1) };
    }),
    index: portions(results, INDEXED_AT_ONCE).map((slice) => ({
      length: slice.length,
      cells: cellsOf(slice),
      addresses: JSON.stringify(slice.map(({ email }) => searchKey(email))),
      domains: JSON.stringify(
        portions(slice, CHUNK_LENGTH).flatMap((chunk, index) => domainsOf(chunk, index * CHUNK_LENGTH)),
      ),
    })),
  };
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
  readonly generation: number;
}

/** Adds results to a batch's list, from a position on. */
export function appendResults(
  db: Database,
  { number, generation }: BatchKey,
  from: number,
  { chunks, index }: ResultRows,
): void {
  let place = number * PLACES + from;
  for (const { length, cells, body } of chunks) {
    db.run('INSERT INTO chunks (place, length, cells, body) VALUES (?, ?, ?, ?)', place, length, cells, body);
    place += length;
  }
  place = number * PLACES + from;
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

/** Deletes a batch's list, from the index too; answers with the JSON of its results, in order. */
export function dropResults(db: Database, { number, generation }: BatchKey): string[] {
  const chunks = db.all<ChunkRow & { cells: string }>(
    'SELECT place, length, cells, body FROM chunks WHERE place >= ? AND place < ? ORDER BY place',
    number * PLACES,
    (number + 1) * PLACES,
  );
  const dropped: string[] = [];
  for (const { place, cells, body } of chunks) {
    const lines = body.split('\n');
    dropped.push(...lines);
    const results = lines.map((json, offset) => ({
      email: emailIn(json),
      cell: cellOfCode(cells[offset] ?? ''),
    }));
    results.forEach(({ email }, offset) => {
      db.run(
        `DELETE FROM addresses WHERE generation = ?1 AND run IN (${RUNS}) AND key = ?2 AND place = ?3`,
        generation,
        searchKey(email),
        place + offset,
      );
    });
    for (const [key] of domainsOf(results, 0))
      db.run(
        `DELETE FROM domains WHERE generation = ?1 AND run IN (${RUNS}) AND key = ?2 AND place = ?3`,
        generation,
        key,
        place,
      );
    db.run('DELETE FROM chunks WHERE place = ?', place);
  }
  return dropped;
}

/** What is needed of a batch to read its results. */
export interface ListRow {
  readonly number: number;
  readonly batchId: BatchId;
}

/** The results at the given positions of a batch, which are in ascending order. */
export const resultsAt = (db: Database, batch: ListRow, positions: readonly number[]): PlacedResult[] =>
  groupNear(positions).flatMap((group) => readGroup(db, batch, group));

function readGroup(db: Database, { number, batchId }: ListRow, positions: readonly number[]): PlacedResult[] {
  const base = number * PLACES;
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
export function passingPlaces(db: Database, batches: readonly number[], filter: CompiledFilter): number[] {
  const chunks = db.all<{ place: number; cells: string }>(
    `SELECT c.place, c.cells FROM json_each(?) AS b CROSS JOIN chunks AS c
     WHERE c.place >= b.value * ${PLACES} AND c.place < (b.value + 1) * ${PLACES} ORDER BY c.place`,
    JSON.stringify(batches),
  );
  const places: number[] = [];
  for (const { place, cells } of chunks)
    for (let index = 0; index < cells.length; index++)
      if (filter.passesCode(cells[index] ?? '')) places.push(place + index);
  return places;
}
