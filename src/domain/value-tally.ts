/** Counts results by a text that has any number of values, in bounded memory. */
import { type Counted, countedOf, LargestItems, type Ranking } from './breakdown.js';
import { STATUSES, type Status } from './verdict.js';

/** Values that a ranking keeps: as many as can be asked for. */
const KEPT = 500;
/** Values that are counted at a time. */
const MAX_VALUES = 20_000;

interface Entry {
  readonly counts: number[];
  /** What is left of its count after values were dropped. */
  weight: number;
}

/**
 * Up to 40,000 values are counted exactly. Beyond that the smallest are dropped (Misra and Gries), and `survivors` counts
 * those that are left in a second run. Every value of more than one in 20,000 results survives.
 */
export class ValueTally {
  readonly #entries = new Map<string, Entry>();
  readonly #all = STATUSES.map(() => 0);
  readonly #none = STATUSES.map(() => 0);
  #isExact = true;

  /** `only`: the values that are counted; null: any. */
  constructor(
    private readonly maxLength: number,
    private readonly only: ReadonlySet<string> | null = null,
    private readonly maxValues = MAX_VALUES,
  ) {}

  /** `value`: null or empty where the result has none. One that is too long counts as another value. */
  add(value: string | null, status: Status): void {
    const index = STATUSES.indexOf(status);
    increment(this.#all, index);
    if (value === null || value === '') {
      increment(this.#none, index);
      return;
    }
    if (value.length > this.maxLength || this.only?.has(value) === false) return;
    let entry = this.#entries.get(value);
    if (entry === undefined) {
      entry = { counts: STATUSES.map(() => 0), weight: 0 };
      this.#entries.set(value, entry);
    }
    increment(entry.counts, index);
    entry.weight++;
    if (this.#entries.size > 2 * this.maxValues) this.#prune();
  }

  /** Null: `ranking` is exact. */
  get survivors(): ValueTally | null {
    return this.#isExact
      ? null
      : new ValueTally(this.maxLength, new Set(this.#entries.keys()), this.maxValues);
  }

  /** In one turn of the event loop: nothing is made for the values that it does not keep. */
  ranking(): Ranking {
    const top = new LargestItems(KEPT);
    for (const [value, { counts }] of this.#entries) {
      const count = counts.reduce((sum, of) => sum + of, 0);
      if (top.takes(value, count)) top.add({ value, ...counted(counts) });
    }
    const { items } = top;
    const none = counted(this.#none);
    const other = countedOf((status) =>
      items.reduce(
        (rest, item) => rest - item[status],
        (this.#all[STATUSES.indexOf(status)] ?? 0) - none[status],
      ),
    );
    return { items, other, none };
  }

  #prune(): void {
    this.#isExact = false;
    const weights = Float64Array.from(this.#entries.values(), ({ weight }) => weight).sort();
    const threshold = weights[weights.length - this.maxValues] ?? 0;
    for (const [value, entry] of this.#entries) {
      entry.weight -= threshold;
      if (entry.weight <= 0) this.#entries.delete(value);
    }
  }
}

function increment(counts: number[], index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

const counted = (counts: readonly number[]): Counted =>
  countedOf((status) => counts[STATUSES.indexOf(status)] ?? 0);
