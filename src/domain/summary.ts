/** The counts of a batch and of a file, and how they are added up. */
import { addFacets, countFacets, type FacetCounts } from './facets.js';
import type { Result } from './result.js';
import { CELL_COUNT, CELLS, type Cell } from './verdict.js';

/**
 * What a batch adds to its file, as plain counts. The totals of a file are the sum of its batches' summaries and have the
 * same shape. A flush replaces a batch's old summary in the totals by its new one, and reads no other batch.
 */
export interface Summary {
  /** Batches counted: 1 for a batch. */
  readonly batches: number;
  /** Batches that the gateway has had an update of. */
  readonly begun: number;
  readonly completed: number;
  readonly failed: number;
  readonly stalled: number;
  /** Batches whose size is not known yet. */
  readonly unsized: number;
  /** Addresses in the batches of known size. */
  readonly total: number;
  /** Addresses with a result. */
  readonly processed: number;
  /** Addresses of complete batches that never got a result. */
  readonly skipped: number;
  /** Results by verdict and risk level, by the numbers of `cellOf`. */
  readonly cells: readonly number[];
  /** Results by score and by attribute. */
  readonly facets: FacetCounts;
}

export const EMPTY_SUMMARY: Summary = {
  batches: 0,
  begun: 0,
  completed: 0,
  failed: 0,
  stalled: 0,
  unsized: 0,
  total: 0,
  processed: 0,
  skipped: 0,
  cells: Array.from({ length: CELL_COUNT }, () => 0),
  facets: {},
};

/** A batch as it was last announced: what a feed keeps of it. */
export interface BatchVersion {
  /** Version of the batch's stored state; 0: never announced. */
  readonly version: number;
  readonly summary: Summary;
}

export const NEVER_ANNOUNCED: BatchVersion = { version: 0, summary: EMPTY_SUMMARY };

/** What is known of a batch apart from its results. */
export interface BatchFlags {
  readonly begun: boolean;
  readonly isComplete: boolean;
  readonly isFailed: boolean;
  readonly isStalled: boolean;
  /** Addresses in the batch, as its registration or last update says; null: not known. */
  readonly totalEmails: number | null;
}

/** The part of a summary that follows from the results alone. */
export type Tally = Pick<Summary, 'processed' | 'cells' | 'facets'>;

export function tallyOf(results: readonly Result[]): Tally {
  const cells = [...EMPTY_SUMMARY.cells];
  const facets: Record<number, number> = {};
  for (const { cell, facetBits } of results) {
    cells[cell] = (cells[cell] ?? 0) + 1;
    countFacets(facets, cell, facetBits);
  }
  return { processed: results.length, cells, facets };
}

export const summarize = (flags: BatchFlags, results: readonly Result[]): Summary =>
  summaryOf(flags, tallyOf(results));

export const summaryOf = (flags: BatchFlags, tally: Tally): Summary =>
  withFlags({ ...EMPTY_SUMMARY, ...tally }, flags);

/** The summary of the same results with other flags. */
export function withFlags(summary: Summary, flags: BatchFlags): Summary {
  const total = Math.max(flags.totalEmails ?? 0, summary.processed);
  return {
    ...summary,
    batches: 1,
    begun: Number(flags.begun),
    completed: Number(flags.isComplete),
    failed: Number(flags.isFailed),
    stalled: Number(flags.isStalled),
    unsized: Number(flags.totalEmails === null),
    total,
    skipped: flags.isComplete ? total - summary.processed : 0,
  };
}

/** Of a batch that is registered and has had no update. */
export const waitingSummary = (totalEmails: number | null): Summary =>
  withFlags(EMPTY_SUMMARY, {
    begun: false,
    isComplete: false,
    isFailed: false,
    isStalled: false,
    totalEmails,
  });

export const addTallies = (a: Tally, b: Tally, times = 1): Tally => ({
  processed: a.processed + times * b.processed,
  cells: a.cells.map((count, index) => count + times * (b.cells[index] ?? 0)),
  facets: addFacets(a.facets, b.facets, times),
});

/** `times`: how often `b` is added; below 0, it is taken away. */
export function add(a: Summary, b: Summary, times = 1): Summary {
  return {
    batches: a.batches + times * b.batches,
    begun: a.begun + times * b.begun,
    completed: a.completed + times * b.completed,
    failed: a.failed + times * b.failed,
    stalled: a.stalled + times * b.stalled,
    unsized: a.unsized + times * b.unsized,
    total: a.total + times * b.total,
    skipped: a.skipped + times * b.skipped,
    ...addTallies(a, b, times),
  };
}

export const subtract = (a: Summary, b: Summary): Summary => add(a, b, -1);

/** Results in the cells that pass. */
export const countCells = ({ cells }: Pick<Summary, 'cells'>, passes: (cell: Cell) => boolean): number =>
  CELLS.reduce((count, cell, number) => (passes(cell) ? count + (cells[number] ?? 0) : count), 0);
