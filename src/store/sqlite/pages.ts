/** Reads the results of a file's current request: a page of what passes a filter, or all of them a slice at a time. */
import type { FileId } from '../../domain/id.js';
import type { PlacedResult } from '../../domain/result.js';
import type { Status } from '../../domain/verdict.js';
import { Fault } from '../../errors.js';
import { cutWindow, type PageWindow, range, windowOf } from '../positions.js';
import { CompiledFilter } from '../result-filter.js';
import type { ScanSlice } from '../scan.js';
import type { PageQuery, ResultPage } from '../store.js';
import type { BatchRow } from './batches.js';
import type { Database } from './database.js';
import { CURRENT, currentGeneration, findGeneration, type GenerationRow } from './generations.js';
import { PLACES, passingPositions, resultsAt } from './results.js';
import { countOf, findPosition, sumOf } from './rollups.js';

/** Batches looked up in one go while a page is filled; most pages lie in one or two. */
const BATCHES_AT_ONCE = 4;
/** Results of a scan's slice, about: few enough to be read quickly, enough to be worth a message between threads. */
const SLICE = 500;

type BatchInOrder = Pick<BatchRow, 'number' | 'batch_id' | 'ordinal' | 'length'>;
const BATCHES_FROM =
  'SELECT number, batch_id, ordinal, length FROM batches WHERE generation = ? AND ordinal >= ?';

export function readPage(db: Database, query: PageQuery): ResultPage | null {
  const current = currentGeneration(db, query.fileId);
  if (current === undefined) return null;
  const filter = new CompiledFilter(query);
  return filter.hasPrefix
    ? pageBySearch(db, current, filter, windowOf(query))
    : pageByCounts(db, current.generation, filter, windowOf(query));
}

/** A page of a filter by cells: the rollups say where it begins. */
function pageByCounts(
  db: Database,
  generation: number,
  filter: CompiledFilter,
  { skip, limit }: PageWindow,
): ResultPage {
  const total = countOf(db, generation, filter.cells);
  const start = skip < total ? findPosition(db, generation, filter.cells, skip) : null;
  const results: PlacedResult[] = [];
  if (start === null) return { total, results };
  for (let { ordinal, skip: toSkip } = start; ; ) {
    const batches = db.all<BatchInOrder>(
      `${BATCHES_FROM} AND ${sumOf(filter.cells)} > 0 ORDER BY ordinal LIMIT ${BATCHES_AT_ONCE}`,
      generation,
      ordinal,
    );
    for (const batch of batches) {
      const end = toSkip + limit - results.length;
      const positions = filter.passesAll
        ? range(toSkip, Math.min(batch.length, end))
        : passingPositions(db, batch.number, filter).slice(toSkip, end);
      results.push(...resultsAt(db, batch, positions));
      toSkip = 0;
      if (results.length >= limit) return { total, results };
    }
    if (batches.length < BATCHES_AT_ONCE) return { total, results };
    ordinal = (batches.at(-1)?.ordinal ?? 0) + 1;
  }
}

/** The places whose keys begin with a prefix, in each sorted run of the address index; there are few runs. */
const matchingPlaces = (cells: readonly number[]): string => `
  WITH RECURSIVE runs (run) AS (SELECT 0 UNION ALL SELECT run + 1 FROM runs WHERE run < ?)
  SELECT place FROM runs CROSS JOIN addresses AS a
  WHERE a.generation = ? AND a.run = runs.run AND a.key >= ? AND a.key < ? AND a.cell IN (${cells.join(', ')})`;

function pageBySearch(
  db: Database,
  { generation, run }: GenerationRow,
  filter: CompiledFilter,
  window: PageWindow,
): ResultPage {
  const sql = matchingPlaces(filter.cells);
  const binds = [run, generation, ...filter.keyRange] as const;
  if (filter.exceedsKeys) {
    const candidates = db.all<Place>(`${sql} ORDER BY place`, ...binds);
    const found = candidates.filter((candidate) =>
      resultsIn(db, [candidate]).some(({ json }) =>
        filter.passesAddress((JSON.parse(json) as { email: string }).email),
      ),
    );
    return { total: found.length, results: resultsIn(db, cutWindow(found, window)) };
  }
  const total = db.get<{ total: number }>(`SELECT count(*) AS total FROM (${sql})`, ...binds)?.total ?? 0;
  if (window.skip >= total) return { total, results: [] };
  const places = db.all<Place>(`${sql} ORDER BY place LIMIT ? OFFSET ?`, ...binds, window.limit, window.skip);
  return { total, results: resultsIn(db, places) };
}

type Place = { place: number };

function resultsIn(db: Database, places: readonly Place[]): PlacedResult[] {
  const byBatch = new Map<number, number[]>();
  for (const { place } of places) {
    const number = Math.floor(place / PLACES);
    const positions = byBatch.get(number) ?? [];
    positions.push(place % PLACES);
    byBatch.set(number, positions);
  }
  return [...byBatch].flatMap(([number, positions]) => {
    const row = db.get<{ batch_id: string }>('SELECT batch_id FROM batches WHERE number = ?', number);
    return resultsAt(db, { number, batch_id: row?.batch_id ?? '' }, positions);
  });
}

/** Where a scan goes on: at a position of a batch of one generation. */
interface ScanPoint {
  readonly generation: number;
  readonly ordinal: number;
  readonly position: number;
}

export function scanStart(db: Database, fileId: FileId): ScanPoint | null {
  const current = currentGeneration(db, fileId);
  return current === undefined ? null : { generation: current.generation, ordinal: 0, position: 0 };
}

/** @throws Fault `unavailable` where the file was deleted or replaced meanwhile: what follows would not fit */
export function scanSlice(db: Database, point: ScanPoint, status: Status | undefined): ScanSlice<ScanPoint> {
  const { generation } = point;
  if (findGeneration(db, generation)?.state !== CURRENT)
    throw new Fault('unavailable', 'the file changed while it was read');
  const filter = new CompiledFilter({ status });
  const results: PlacedResult[] = [];
  let { ordinal, position } = point;
  while (results.length < SLICE) {
    const batch = db.get<BatchInOrder>(`${BATCHES_FROM} ORDER BY ordinal LIMIT 1`, generation, ordinal);
    if (batch === undefined) return { results, next: null };
    const from = batch.ordinal === ordinal ? position : 0;
    const positions = filter.passesAll
      ? range(from, Math.min(batch.length, from + SLICE))
      : passingPositions(db, batch.number, filter)
          .filter((candidate) => candidate >= from)
          .slice(0, SLICE);
    results.push(...resultsAt(db, batch, positions));
    const isLast = positions.length < SLICE;
    ordinal = isLast ? batch.ordinal + 1 : batch.ordinal;
    position = isLast ? 0 : (positions.at(-1) ?? from) + 1;
  }
  return { results, next: { generation, ordinal, position } };
}
