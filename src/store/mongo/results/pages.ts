/** Reads a page of a file's results: counts by batch say where it lies, so that only the batches on it are read. */
import type { Generation } from '../../../domain/id.js';
import { BoundedResults } from '../../bounded-results.js';
import { cutWindow, windowOf } from '../../positions.js';
import { CompiledFilter } from '../../result-filter.js';
import type { PageQuery, ResultPage } from '../../store.js';
import { readCurrent } from '../file-reads.js';
import { findFile } from '../generations.js';
import type { Models } from '../models.js';
import { batchesIn, type CountedBatch, countIn, rollUp, rollupsOf } from '../rollups.js';
import {
  type KeyedBatch,
  placedResults,
  readBatches,
  readKeys,
  SHORT,
  sparseResults,
  type Wanted,
} from './batch-reads.js';
import { countMatches, type PageSlice, pageSliceOf, passingKeys } from './matches.js';

/** Batches read whole in one go while a page is filled, and batches of which a few results are read. */
const AT_ONCE = 16;
const SPARSE_AT_ONCE = 128;

export const readPage = (db: Models, query: PageQuery): Promise<ResultPage | null> =>
  readCurrent(db, query.fileId, (generation) => new PageReader(db, generation, query).fill());

/**
 * Fills one page. Batches before it are skipped by their counts. Each batch on it is read in one state, and the total is
 * corrected by what that state has: so total and results fit together although batches change meanwhile.
 */
class PageReader {
  readonly #filter: CompiledFilter;
  readonly #page: BoundedResults;
  #toSkip: number;
  #total = 0;

  constructor(
    private readonly db: Models,
    private readonly generation: Generation,
    private readonly query: PageQuery,
  ) {
    this.#filter = new CompiledFilter(query);
    this.#page = new BoundedResults(query.maxBytes);
    this.#toSkip = windowOf(query).skip;
  }

  /** Null: the generation is over. */
  async fill(): Promise<ResultPage | null> {
    const isCurrent = await (this.#filter.hasPrefix ? this.#fillBySearch() : this.#fillByRollups());
    const { results, isCut } = this.#page;
    return isCurrent ? { total: this.#total, results, isCut } : null;
  }

  async #fillByRollups(): Promise<boolean> {
    await rollUp(this.db, this.generation);
    const { cells } = this.#filter;
    const rollups = await rollupsOf(this.db, this.generation);
    const counted = rollups.map((node) => ({ node: node.node, count: countIn(node.cells, cells) }));
    this.#total = counted.reduce((sum, { count }) => sum + count, 0);
    let rest = counted.filter(({ count }) => count > 0);
    for (let node = rest[0]; node !== undefined && node.count <= this.#toSkip; node = rest[0]) {
      this.#toSkip -= node.count;
      rest = rest.slice(1);
    }
    while (rest.length > 0 && this.#room > 0) {
      const some = this.#neededOf(rest);
      rest = rest.slice(some.length);
      const nodes = some.map(({ node }) => node);
      const batches = await batchesIn(this.db, this.generation, nodes, cells);
      this.#total += sumOf(batches) - sumOf(some);
      if (!(await this.#fillFrom(batches))) return false;
    }
    return true;
  }

  async #fillBySearch(): Promise<boolean> {
    const batches = await countMatches(this.db, this.generation, this.#filter);
    this.#total = sumOf(batches);
    return this.#fillFrom(batches);
  }

  get #room(): number {
    return this.#page.isCut ? 0 : this.query.limit - this.#page.results.length;
  }

  async #fillFrom(batches: readonly CountedBatch[]): Promise<boolean> {
    let next = 0;
    for (let batch = batches[0]; batch !== undefined && batch.count <= this.#toSkip; batch = batches[++next])
      this.#toSkip -= batch.count;
    const atOnce = this.#filter.passesAll ? AT_ONCE : SPARSE_AT_ONCE;
    while (next < batches.length && this.#room > 0) {
      const some = this.#neededOf(batches.slice(next, next + atOnce));
      const isCurrent = await (this.#filter.passesAll ? this.#fillWith(some) : this.#fillSparsely(some));
      if (!isCurrent) return false;
      next += some.length;
    }
    return true;
  }

  /** As many of them as the page needs, by their counts. */
  #neededOf<T extends { readonly count: number }>(counted: readonly T[]): readonly T[] {
    let missing = this.#toSkip + this.#room;
    const last = counted.findIndex(({ count }) => {
      missing -= count;
      return missing <= 0;
    });
    return last < 0 ? counted : counted.slice(0, last + 1);
  }

  /** Reads the results on the page and nothing beside them; all of the batches where one of them is in the way of that. */
  async #fillSparsely(batches: readonly CountedBatch[]): Promise<boolean> {
    const ordinals = batches.map(({ ordinal }) => ordinal);
    const read = await readKeys(this.db, this.generation, ordinals, this.#filter.hasPrefix);
    const byOrdinal = new Map(read.map((keyed) => [keyed.batch.ordinal, keyed]));
    const slices: { count: number; wanted: Wanted }[] = [];
    let [toSkip, room] = [this.#toSkip, this.#room];
    for (const { ordinal } of batches) {
      const keyed = byOrdinal.get(ordinal);
      const passing = keyed === undefined ? null : this.#passing(keyed);
      if (keyed === undefined || passing === null) return this.#fillWith(batches);
      const positions = cutWindow(passing, { skip: toSkip, limit: Math.max(0, room) });
      toSkip = Math.max(0, toSkip - passing.length);
      room -= positions.length;
      slices.push({ count: passing.length, wanted: { batch: keyed.batch, positions } });
    }
    const shown = slices.flatMap(({ wanted }) => (wanted.positions.length > 0 ? [wanted] : []));
    const found = shown.length === 0 ? new Map() : await sparseResults(this.db, this.generation, shown);
    if (found.size < shown.length) return this.#fillWith(batches);
    slices.forEach(({ count, wanted: { batch } }, n) => {
      const results = placedResults(batch, found.get(batch.ordinal ?? 0) ?? []);
      this.#take({ count, results }, batches[n]?.count ?? 0);
    });
    return true;
  }

  /** The positions of a batch's results that pass; null: they cannot be told from what was read. */
  #passing({ batch, cells, keys }: KeyedBatch): number[] | null {
    if (batch.chunks.length > 0) return null;
    if (keys === null)
      return [...cells].flatMap((code, position) => (this.#filter.passesCode(code) ? [position] : []));
    const { positions, isCertain } = passingKeys(this.#filter, keys);
    return isCertain ? positions : null;
  }

  async #fillWith(batches: readonly CountedBatch[]): Promise<boolean> {
    const ordinals = batches.map(({ ordinal }) => ordinal);
    const lengths = this.#filter.passesAll ? Math.min(SHORT, this.#toSkip + this.#room) : SHORT;
    const wanted = { ordinal: { $in: ordinals } };
    const reads = readBatches(this.db, this.generation, wanted, [0, lengths], ordinals.length);
    let next = await reads.next();
    for (const { ordinal, count } of batches) {
      const read = next.done || next.value.batch.ordinal !== ordinal ? undefined : next.value;
      if (read !== undefined) next = await reads.next();
      const window = { skip: this.#toSkip, limit: Math.max(0, this.#room) };
      const slice = read === undefined ? null : await pageSliceOf(this.db, read, this.#filter, window);
      // A batch may be taken back while it is being registered; any other goes with its generation only.
      if (slice === null && !(await this.#isCurrent())) return false;
      this.#take(slice ?? { count: 0, results: [] }, count);
      if (this.#page.isCut) break;
    }
    await reads.return();
    return true;
  }

  /** Takes what a batch has for the page. `counted`: what it was expected to have in all. */
  #take({ count, results }: PageSlice, counted: number): void {
    this.#total += count - counted;
    this.#toSkip = Math.max(0, this.#toSkip - count);
    this.#page.add(results);
  }

  async #isCurrent(): Promise<boolean> {
    return (await findFile(this.db, this.query.fileId))?.generation === this.generation;
  }
}

const sumOf = (counted: readonly { readonly count: number }[]): number =>
  counted.reduce((sum, { count }) => sum + count, 0);
