/** Breaks the results of a file down by one property: how many there are of each value, and with which verdict. */
import { ATTRIBUTES, countOfAttribute, countOfPlain, countOfScore, SCORE_STEPS } from './facets.js';
import { recordOf } from './record-of.js';
import { countCells, type Summary } from './summary.js';
import { CELLS, STATUSES, type Status } from './verdict.js';

/** Their values have no bound, so they are counted once the file has ended, by reading its results. */
const COUNTED_BY_SCAN = ['domain', 'provider'] as const;
export type CountedByScan = (typeof COUNTED_BY_SCAN)[number];

export const BREAKDOWNS = [...COUNTED_BY_SCAN, 'score', 'attribute', 'reason'] as const;
export type BreakdownBy = (typeof BREAKDOWNS)[number];

export const isCountedByScan = (by: BreakdownBy): by is CountedByScan =>
  (COUNTED_BY_SCAN as readonly string[]).includes(by);

/** `count` is the sum of the others. */
export type Counted = { count: number } & Record<Status, number>;

export interface Ranking {
  /** The largest first; equal ones by their values. */
  items: ({ value: string } & Counted)[];
  /** Results whose value is not among the items. */
  other: Counted;
  /** Results that have no value. */
  none: Counted;
}

export interface Breakdown extends Ranking {
  by: BreakdownBy;
  revision: number;
  /** The file has ended, and all its results are counted. */
  complete: boolean;
}

export function countedOf(byStatus: (status: Status) => number): Counted {
  const counts = recordOf(STATUSES, byStatus);
  return { count: STATUSES.reduce((sum, status) => sum + counts[status], 0), ...counts };
}

const sum = (a: Counted, b: Counted): Counted => countedOf((status) => a[status] + b[status]);
export const NOTHING: Counted = countedOf(() => 0);

/** All results of a file. */
const allOf = (totals: Summary): Counted =>
  countedOf((status) => countCells(totals, (cell) => cell.status === status));

/** By what the summaries of the batches add up to. */
export function rankingOf(totals: Summary, by: Exclude<BreakdownBy, CountedByScan>): Ranking {
  const { facets } = totals;
  if (by === 'score') {
    const items = SCORE_STEPS.map((value, step) => ({
      value,
      ...countedOf((status) => countOfScore(facets, status, step)),
    }));
    const all = allOf(totals);
    const none = countedOf((status) => items.reduce((rest, item) => rest - item[status], all[status]));
    // Every step is an item, also one without results: together they are a histogram.
    return { items: items.sort(byCount), other: NOTHING, none };
  }
  if (by === 'attribute') {
    const items = ATTRIBUTES.map((value, index) => ({
      value,
      ...countedOf((status) => countOfAttribute(facets, status, index)),
    }));
    return {
      items: present(items),
      other: NOTHING,
      none: countedOf((status) => countOfPlain(facets, status)),
    };
  }
  const reasons = new Set(CELLS.flatMap(({ category }) => category ?? []));
  const withReason = (reason: string | null) =>
    countedOf((status) => countCells(totals, (cell) => cell.status === status && cell.category === reason));
  const items = [...reasons].map((value) => ({ value, ...withReason(value) }));
  return { items: present(items), other: NOTHING, none: withReason(null) };
}

/** Nothing is known of the values: they are not counted yet, or were deleted with the addresses. */
export const unranked = (totals: Summary): Ranking => ({ items: [], other: allOf(totals), none: NOTHING });

type Item = Ranking['items'][number];

const byCount = (a: Item, b: Item): number => b.count - a.count || (a.value < b.value ? -1 : 1);

const present = (items: Ranking['items']): Ranking['items'] =>
  items.filter(({ count }) => count > 0).sort(byCount);

/** Keeps the largest of any number of items, in order. */
export class LargestItems {
  readonly items: Item[] = [];

  constructor(private readonly limit: number) {}

  /** Whether an item with this value and count is among the largest so far. */
  takes(value: string, count: number): boolean {
    const last = this.items.length < this.limit ? undefined : this.items.at(-1);
    return last === undefined || isBefore(value, count, last);
  }

  /** One that `takes` has said yes to. */
  add(item: Item): void {
    let from = 0;
    let to = this.items.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (isBefore(item.value, item.count, this.items[middle] as Item)) to = middle;
      else from = middle + 1;
    }
    this.items.splice(from, 0, item);
    if (this.items.length > this.limit) this.items.pop();
  }
}

const isBefore = (value: string, count: number, item: Item): boolean =>
  count > item.count || (count === item.count && value < item.value);

/** The largest items; the rest is added to `other`. */
export function largest({ items, other, none }: Ranking, limit: number): Ranking {
  const sorted = [...items].sort(byCount);
  return { items: sorted.slice(0, limit), other: sorted.slice(limit).reduce(sum, other), none };
}
