import type { PlacedResult } from '../../domain/result.js';
import { cellsOf, type Status } from '../../domain/verdict.js';
import { Fault } from '../../errors.js';
import { AFTER_ANY_KEY, cellCode, foldCase, KEY_LENGTH, searchKey } from '../search-key.js';
import type { PageQuery, ResultPage } from '../store.js';
import type { Database } from './database.js';
import { CURRENT, currentGeneration, findGeneration, type GenerationRow } from './generations.js';
import { PLACES, positionsOf, resultsAt } from './results.js';
import { countOf, findPosition, sumOf } from './rollups.js';

export function readPage(db: Database, query: PageQuery): ResultPage | null {
  const generation = currentGeneration(db, query.fileId);
  if (generation === undefined) return null;
  if (query.email !== undefined && query.email !== '') return searchPage(db, generation, query, query.email);
  const cells = cellsOf(query);
  const total = countOf(db, generation.generation, cells);
  const skip = (query.page - 1) * query.limit;
  const start = skip < total ? findPosition(db, generation.generation, cells, skip) : null;
  if (start === null) return { total, results: [] };
  return {
    total,
    results: collect(db, generation.generation, cells, start.ordinal, start.skip, query.limit),
  };
}

/** Batches looked up in one go while a page is filled; most pages lie in one or two. */
const BATCHES_AT_ONCE = 4;

function collect(
  db: Database,
  generation: number,
  cells: readonly number[],
  ordinal: number,
  skip: number,
  limit: number,
): PlacedResult[] {
  const letters = lettersOf(cells);
  const results: PlacedResult[] = [];
  let from = ordinal;
  let toSkip = skip;
  while (results.length < limit) {
    const batches = db.all<{ number: number; batch_id: string; ordinal: number; length: number }>(
      `SELECT number, batch_id, ordinal, length FROM batches
       WHERE generation = ? AND ordinal >= ? AND ${sumOf(cells)} > 0 ORDER BY ordinal LIMIT ${BATCHES_AT_ONCE}`,
      generation,
      from,
    );
    for (const { number, batch_id, length } of batches) {
      const positions =
        letters === null
          ? range(toSkip, Math.min(length, toSkip + limit - results.length))
          : positionsOf(db, number, letters).slice(toSkip, toSkip + limit - results.length);
      results.push(...resultsAt(db, number, positions).map((result) => ({ batchId: batch_id, ...result })));
      toSkip = 0;
      if (results.length >= limit) return results;
    }
    if (batches.length < BATCHES_AT_ONCE) return results;
    from = (batches.at(-1)?.ordinal ?? 0) + 1;
  }
  return results;
}

/** Null: the filter lets everything through. */
const lettersOf = (cells: readonly number[]): ReadonlySet<string> | null =>
  cells.length === cellsOf({}).length ? null : new Set(cells.map(cellCode));

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Matches of a prefix in every run of the index; the runs are few, and each is found by its key. */
const matches = (cells: readonly number[]): string => `
  WITH RECURSIVE runs (run) AS (SELECT 0 UNION ALL SELECT run + 1 FROM runs WHERE run < ?)
  SELECT place FROM runs CROSS JOIN addresses AS a
  WHERE a.generation = ? AND a.run = runs.run AND a.key >= ? AND a.key < ? AND a.cell IN (${cells.join(', ')})`;

function searchPage(db: Database, generation: GenerationRow, query: PageQuery, prefix: string): ResultPage {
  const key = searchKey(prefix);
  const sql = matches(cellsOf(query));
  const binds = [generation.run, generation.generation, key, key + AFTER_ANY_KEY] as const;
  const skip = (query.page - 1) * query.limit;
  if (key.length >= KEY_LENGTH) return searchLong(db, sql, binds, prefix, skip, query.limit);
  const total = db.get<{ total: number }>(`SELECT count(*) AS total FROM (${sql})`, ...binds)?.total ?? 0;
  if (skip >= total) return { total, results: [] };
  const places = db.all<{ place: number }>(
    `${sql} ORDER BY place LIMIT ? OFFSET ?`,
    ...binds,
    query.limit,
    skip,
  );
  return { total, results: resultsIn(db, places) };
}

/** A prefix longer than the index's keys: the candidates themselves have to be looked at. */
function searchLong(
  db: Database,
  sql: string,
  binds: readonly [number, number, string, string],
  prefix: string,
  skip: number,
  limit: number,
): ResultPage {
  const wanted = foldCase(prefix);
  const candidates = db.all<{ place: number }>(`${sql} ORDER BY place`, ...binds);
  const found = candidates.filter((candidate) =>
    resultsIn(db, [candidate]).some(({ json }) =>
      foldCase((JSON.parse(json) as { email: string }).email).startsWith(wanted),
    ),
  );
  return { total: found.length, results: resultsIn(db, found.slice(skip, skip + limit)) };
}

function resultsIn(db: Database, places: readonly { place: number }[]): PlacedResult[] {
  const byBatch = new Map<number, number[]>();
  for (const { place } of places) {
    const batch = Math.floor(place / PLACES);
    const positions = byBatch.get(batch);
    if (positions === undefined) byBatch.set(batch, [place % PLACES]);
    else positions.push(place % PLACES);
  }
  return [...byBatch].flatMap(([number, positions]) => {
    const batchId =
      db.get<{ batch_id: string }>('SELECT batch_id FROM batches WHERE number = ?', number)?.batch_id ?? '';
    return resultsAt(db, number, positions).map((result) => ({ batchId, ...result }));
  });
}

/** Where a scan goes on: at a position of a batch of one generation. */
export interface ScanPoint {
  readonly generation: number;
  readonly ordinal: number;
  readonly position: number;
}

export interface ScanSlice {
  readonly results: readonly PlacedResult[];
  /** Null: that was all. */
  readonly next: ScanPoint | null;
}

/** Results of a slice, about: small enough that nobody waits for it, large enough to be worth the trip. */
const SLICE = 500;

export const scanStart = (db: Database, fileId: string): ScanPoint | null => {
  const generation = currentGeneration(db, fileId);
  return generation === undefined ? null : { generation: generation.generation, ordinal: 0, position: 0 };
};

/** @throws Fault `unavailable` where the file was deleted or replaced meanwhile: what follows would not fit */
export function scanSlice(db: Database, point: ScanPoint, status: Status | undefined): ScanSlice {
  if (findGeneration(db, point.generation)?.state !== CURRENT)
    throw new Fault('unavailable', 'the file changed while it was read');
  const letters = status === undefined ? null : lettersOf(cellsOf({ status }));
  const results: PlacedResult[] = [];
  let { ordinal, position } = point;
  for (;;) {
    const batch = db.get<{ number: number; batch_id: string; ordinal: number; length: number }>(
      'SELECT number, batch_id, ordinal, length FROM batches WHERE generation = ? AND ordinal >= ? ORDER BY ordinal LIMIT 1',
      point.generation,
      ordinal,
    );
    if (batch === undefined) return { results, next: null };
    if (batch.ordinal !== ordinal) position = 0;
    const positions =
      letters === null
        ? range(position, Math.min(batch.length, position + SLICE))
        : positionsOf(db, batch.number, letters)
            .filter((place) => place >= position)
            .slice(0, SLICE);
    results.push(
      ...resultsAt(db, batch.number, positions).map((result) => ({ batchId: batch.batch_id, ...result })),
    );
    ordinal = batch.ordinal;
    position = (positions.at(-1) ?? position) + 1;
    if (positions.length < SLICE) {
      ordinal += 1;
      position = 0;
    }
    if (results.length >= SLICE)
      return { results, next: { generation: point.generation, ordinal, position } };
  }
}
