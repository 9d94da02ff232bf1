/** Writes and reads the results of batches: in chunks of one text, with an index of their addresses. */
import type { BatchId } from '../../domain/id.js';
import { type PlacedResult, type Result, textLines } from '../../domain/result.js';
import { groupNear } from '../positions.js';
import { type CompiledFilter, cellCode, FIRST_CELL_CODE, searchKey } from '../result-filter.js';
import type { Database } from './database.js';

/** A batch holds fewer results than this: a place is `batch number × PLACES + position`. */
export const PLACES = 2 ** 24;
/** Results in a chunk, at most: what a page has to read to get at one of them. */
const CHUNK_LENGTH = 256;
/** Addresses in a sorted run of the address index, about. */
const RUN_LENGTH = 1024;

interface ChunkRow {
  place: number;
  length: number;
  body: string;
}

/** Results as they go into a row: text passes between threads at little cost, objects do not. */
export interface Chunk {
  readonly length: number;
  /** A character for each result: the code of its cell. */
  readonly cells: string;
  /** The index keys of the results, as a JSON array. */
  readonly keys: string;
  /** The JSON of the results, a line each. */
  readonly body: string;
}

/** `lines`: the text of all the results, where the caller has it already. */
export function chunksOf(results: readonly Result[], lines?: string): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < results.length; start += CHUNK_LENGTH) {
    const chunk = results.length <= CHUNK_LENGTH ? results : results.slice(start, start + CHUNK_LENGTH);
    const text = results.length <= CHUNK_LENGTH ? lines : undefined;
    chunks.push({
      length: chunk.length,
      cells: chunk.map(({ cell }) => cellCode(cell)).join(''),
      keys: JSON.stringify(chunk.map(({ email }) => searchKey(email))),
      body: (text ?? textLines(chunk)).slice(0, -1),
    });
  }
  return chunks;
}

/** Adds results to the end of a batch's list. */
export function appendChunks(
  db: Database,
  generation: number,
  batch: number,
  from: number,
  chunks: readonly Chunk[],
): void {
  let place = batch * PLACES + from;
  for (const { length, cells, keys, body } of chunks) {
    const run = takeRun(db, generation, length);
    const sql = 'INSERT INTO chunks (place, length, run, cells, body) VALUES (?, ?, ?, ?, ?)';
    db.run(sql, place, length, run, cells, body);
    db.run(ADD_ADDRESSES, generation, run, place, cells, keys);
    place += length;
  }
}

/** The run that is being filled; a new one where it is long enough. */
function takeRun(db: Database, generation: number, length: number): number {
  const sql = `UPDATE generations SET run = run + (run_length >= ${RUN_LENGTH}), run_length = iif(run_length >= ${RUN_LENGTH}, 0, run_length) + ?
    WHERE generation = ? RETURNING run`;
  return db.get<{ run: number }>(sql, length, generation)?.run ?? 0;
}

/** One statement for all addresses of a chunk: binding them one by one takes three times as long. */
const ADD_ADDRESSES = `INSERT INTO addresses (generation, run, key, place, cell)
  SELECT ?1, ?2, a.value, ?3 + a.key, unicode(substr(?4, a.key + 1, 1)) - ${FIRST_CELL_CODE} FROM json_each(?5) AS a`;

/** Deletes a batch's list, from the address index too; answers with the JSON of its results, in order. */
export function dropResults(db: Database, generation: number, batch: number): string[] {
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
        'DELETE FROM addresses WHERE generation = ? AND run = ? AND key = ? AND place = ?',
        generation,
        run,
        searchKey(email),
        place + index,
      );
    });
    db.run('DELETE FROM chunks WHERE place = ?', place);
  }
  return dropped;
}

/** What is needed of a batch to read its results. */
export interface ListRow {
  readonly number: number;
  readonly batch_id: BatchId;
}

/** The results at the given positions of a batch, which are in ascending order. */
export const resultsAt = (db: Database, batch: ListRow, positions: readonly number[]): PlacedResult[] =>
  groupNear(positions).flatMap((group) => readGroup(db, batch, group));

function readGroup(
  db: Database,
  { number, batch_id: batchId }: ListRow,
  positions: readonly number[],
): PlacedResult[] {
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

/** The positions of a batch's results whose cells pass a filter. */
export function passingPositions(db: Database, batch: number, filter: CompiledFilter): number[] {
  const chunks = db.all<{ place: number; cells: string }>(
    'SELECT place, cells FROM chunks WHERE place >= ? AND place < ? ORDER BY place',
    batch * PLACES,
    (batch + 1) * PLACES,
  );
  const positions: number[] = [];
  for (const { place, cells } of chunks) {
    const start = place - batch * PLACES;
    for (let index = 0; index < cells.length; index++) {
      if (filter.passesCode(cells[index] ?? '')) positions.push(start + index);
    }
  }
  return positions;
}
