/** Reads a page of a file's results: those that pass a filter. */
import type { PlacedResult } from '../../../domain/result.js';
import { portions } from '../../../portions.js';
import { BoundedResults } from '../../bounded-results.js';
import { cutWindow, type PageWindow, windowOf } from '../../positions.js';
import { CompiledFilter, emailIn, FIRST_CELL_CODE } from '../../result-filter.js';
import type { PageQuery, ResultPage } from '../../store.js';
import type { Database } from '../database.js';
import { currentGeneration } from '../generations.js';
import { countOf, findBatches } from '../rollups.js';
import { resultsAtPlaces } from './at-places.js';
import { isShown } from './hidden-lists.js';
import { type ListRow, passingPlaces, resultsAt } from './results.js';
import { RUNS } from './runs.js';

export function readPage(db: Database, query: PageQuery): ResultPage | null {
  const current = currentGeneration(db, query.fileId);
  if (current === undefined) return null;
  const { generation } = current;
  const filter = new CompiledFilter(query);
  const page = new BoundedResults(query.maxBytes);
  const total = (filter.hasPrefix ? pageBySearch : pageByCounts)(
    db,
    generation,
    filter,
    windowOf(query),
    page,
  );
  return { total, results: page.results, isCut: page.isCut };
}

type BatchInOrder = ListRow & { readonly length: number };

/** A page of a filter by cells: the rollups say which batches it comes from. Answers with the total. */
function pageByCounts(
  db: Database,
  generation: number,
  filter: CompiledFilter,
  window: PageWindow,
  page: BoundedResults,
): number {
  const total = countOf(db, generation, filter.cells);
  if (window.skip >= total) return total;
  const { ordinals, skip } = findBatches(db, generation, filter.cells, window);
  const batches = db.all<BatchInOrder>(
    `SELECT number, list, batchId, length FROM batches
     WHERE generation = ? AND ordinal IN (SELECT value FROM json_each(?)) ORDER BY ordinal`,
    generation,
    JSON.stringify(ordinals),
  );
  const within = { skip, limit: window.limit };
  if (filter.passesAllCells) takeConsecutive(db, batches, within, page);
  else takeFrom(resultsAtPlaces(db, cutWindow(passingPlaces(db, batches, filter), within)), page);
  return total;
}

function takeFrom(portions: Iterable<readonly PlacedResult[]>, page: BoundedResults): void {
  for (const some of portions) {
    page.add(some);
    if (page.isCut) return;
  }
}

/** A window of all results of some batches. */
function takeConsecutive(
  db: Database,
  batches: readonly BatchInOrder[],
  { skip, limit }: PageWindow,
  page: BoundedResults,
): void {
  let from = skip;
  for (const batch of batches) {
    if (page.isCut) return;
    const count = Math.min(batch.length - from, limit - page.results.length);
    const positions = Array.from({ length: count }, (_, index) => from + index);
    page.add(resultsAt(db, batch, positions));
    from = 0;
  }
}

const inCells = (cell: string) => `(?2 IS NULL OR ${cell} IN (SELECT value FROM json_each(?2)))`;
const CELL_OF_OFFSET = `unicode(substr(d.cells, o.key + 1, 1)) - ${FIRST_CELL_CODE}`;
const byDomain = `
  SELECT d.place + o.value AS place FROM (${RUNS}) AS r CROSS JOIN domains AS d CROSS JOIN json_each(d.offsets) AS o
  WHERE d.generation = ?1 AND d.run = r.run AND d.key >= ?3 AND d.key < ?4 AND ${isShown('d.place')} AND ${inCells(CELL_OF_OFFSET)}`;
/** An address may match by its start and by its domain: it is one result. */
const byAddressOrDomain = `
  SELECT a.place FROM (${RUNS}) AS r CROSS JOIN addresses AS a
  WHERE a.generation = ?1 AND a.run = r.run AND a.key >= ?3 AND a.key < ?4 AND ${isShown('a.place')} AND ${inCells('cell')}
  UNION ${byDomain}`;

type Place = { place: number };

/** Candidates whose addresses are read together: there may be as many as a file has results. */
const CANDIDATES_AT_ONCE = 1_000;

/** The places whose keys begin with a prefix, in each run of the index; there are few runs. Answers with the total. */
function pageBySearch(
  db: Database,
  generation: number,
  filter: CompiledFilter,
  window: PageWindow,
  page: BoundedResults,
): number {
  const sql = filter.isDomainOnly ? byDomain : byAddressOrDomain;
  const cells = filter.passesAllCells ? null : JSON.stringify(filter.cells);
  const binds = [generation, cells, ...filter.keyRange] as const;
  if (filter.exceedsKeys) {
    const candidates = db.all<Place>(`${sql} ORDER BY place`, ...binds).map(({ place }) => place);
    return pageByAddresses(db, candidates, filter, window, page);
  }
  const found = db.all<Place & { total: number }>(
    `SELECT place, count(*) OVER () AS total FROM (${sql}) ORDER BY place LIMIT ?5 OFFSET ?6`,
    ...binds,
    window.limit,
    window.skip,
  );
  const places = found.map(({ place }) => place);
  takeFrom(resultsAtPlaces(db, places), page);
  return found[0]?.total ?? (window.skip === 0 ? 0 : totalOf(db, sql, binds));
}

/** Where the keys cannot say it: a page of those of the candidates whose addresses pass. Answers with the total. */
function pageByAddresses(
  db: Database,
  candidates: readonly number[],
  filter: CompiledFilter,
  { skip, limit }: PageWindow,
  page: BoundedResults,
): number {
  let total = 0;
  for (const places of portions(candidates, CANDIDATES_AT_ONCE))
    for (const some of resultsAtPlaces(db, places)) {
      const passing = some.filter(({ json }) => filter.passesAddress(emailIn(json)));
      page.add(passing.slice(Math.max(0, skip - total), Math.max(0, skip + limit - total)));
      total += passing.length;
    }
  return total;
}

/** For a page beyond the end, which has no row that could say it. */
const totalOf = (db: Database, sql: string, binds: readonly (string | number | null)[]): number =>
  db.get<{ total: number }>(`SELECT count(*) AS total FROM (${sql})`, ...binds)?.total ?? 0;
