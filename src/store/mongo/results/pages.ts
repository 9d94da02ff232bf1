/** Reads a page of a file's results: counts by batch say where it lies, so that only the batches on it are read. */
import type { Generation } from '../../../domain/id.js';
import type { PlacedResult } from '../../../domain/result.js';
import { windowOf } from '../../positions.js';
import { CompiledFilter } from '../../result-filter.js';
import type { PageQuery, ResultPage } from '../../store.js';
import { readCurrent } from '../file-reads.js';
import { findFile } from '../generations.js';
import type { Models } from '../models.js';
import { batchesIn, type CountedBatch, countIn, rollUp, rollupsOf } from '../rollups.js';
import { readBatches, SHORT } from './batch-reads.js';
import { countMatches, pageSliceOf } from './matches.js';

/** Batches looked up in one go while a page is filled. */
const AT_ONCE = 16;
export const readPage = (db: Models, query: PageQuery): Promise<ResultPage | null> =>
  readCurrent(db, query.fileId, (generation) => new PageReader(db, generation, query).fill());

/**
 * Fills one page. Batches before it are skipped by their counts. Each batch on it is read in one state, and the total is
 * corrected by what that state has: so total and results fit together although batches change meanwhile.
 */
class PageReader {
  readonly #filter: CompiledFilter;
  readonly #results: PlacedResult[] = [];
  #toSkip: number;
  #total = 0;

  constructor(
    private readonly db: Models,
    private readonly generation: Generation,
    private readonly query: PageQuery,
  ) {
    this.#filter = new CompiledFilter(query);
    this.#toSkip = windowOf(query).skip;
  }

  /** Null: the generation is over. */
  async fill(): Promise<ResultPage | null> {
    const isCurrent = await (this.#filter.hasPrefix ? this.#fillBySearch() : this.#fillByRollups());
    return isCurrent ? { total: this.#total, results: this.#results } : null;
  }

  async #fillByRollups(): Promise<boolean> {
    await rollUp(this.db, this.generation);
    const { cells } = this.#filter;
    const rollups = await rollupsOf(this.db, this.generation);
    const counted = rollups.map((node) => ({ node: node.node, count: countIn(node.cells, cells) }));
    this.#total = counted.reduce((sum, { count }) => sum + count, 0);
    for (const { node, count } of counted) {
      if (this.#room <= 0) break;
      if (count <= this.#toSkip) {
        this.#toSkip -= count;
        continue;
      }
      const batches = await batchesIn(this.db, this.generation, node, cells);
      this.#total += batches.reduce((sum, batch) => sum + batch.count, -count);
      if (!(await this.#fillFrom(batches))) return false;
    }
    return true;
  }

  async #fillBySearch(): Promise<boolean> {
    const batches = await countMatches(this.db, this.generation, this.#filter);
    this.#total = batches.reduce((sum, { count }) => sum + count, 0);
    return this.#fillFrom(batches);
  }

  get #room(): number {
    return this.query.limit - this.#results.length;
  }

  async #fillFrom(batches: readonly CountedBatch[]): Promise<boolean> {
    let next = 0;
    for (let batch = batches[0]; batch !== undefined && batch.count <= this.#toSkip; batch = batches[++next])
      this.#toSkip -= batch.count;
    while (next < batches.length && this.#room > 0) {
      const some = this.#neededOf(batches.slice(next, next + AT_ONCE));
      if (!(await this.#fillWith(some))) return false;
      next += some.length;
    }
    return true;
  }

  /** As many of the batches as the page needs, by their counts. */
  #neededOf(batches: readonly CountedBatch[]): readonly CountedBatch[] {
    let missing = this.#toSkip + this.#room;
    const last = batches.findIndex(({ count }) => {
      missing -= count;
      return missing <= 0;
    });
    return last < 0 ? batches : batches.slice(0, last + 1);
  }

  async #fillWith(batches: readonly CountedBatch[]): Promise<boolean> {
    const ordinals = batches.map(({ ordinal }) => ordinal);
    const lengths = this.#filter.passesAll ? Math.min(SHORT, this.#toSkip + this.#room) : SHORT;
    const wanted = { ordinal: { $in: ordinals } };
    const found = await readBatches(this.db, this.generation, wanted, [0, lengths], ordinals.length);
    const byOrdinal = new Map(found.map((read) => [read.batch.ordinal, read]));
    for (const { ordinal, count } of batches) {
      const read = byOrdinal.get(ordinal);
      const window = { skip: this.#toSkip, limit: Math.max(0, this.#room) };
      const slice = read === undefined ? null : await pageSliceOf(this.db, read, this.#filter, window);
      // A batch may be taken back while it is being registered; any other goes with its generation only.
      if (slice === null && !(await this.#isCurrent())) return false;
      const { count: actual, results } = slice ?? { count: 0, results: [] };
      this.#total += actual - count;
      this.#toSkip = Math.max(0, this.#toSkip - actual);
      this.#results.push(...results);
    }
    return true;
  }

  async #isCurrent(): Promise<boolean> {
    return (await findFile(this.db, this.query.fileId))?.generation === this.generation;
  }
}
