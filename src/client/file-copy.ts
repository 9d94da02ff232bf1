import type { FileEmails, PlacedResult, Truncation } from './protocol.js';

/**
 * What a listener holds of one file: the newest result at each place. Feed it what `listenToFile` hands over:
 *
 *     onSnapshot: ({ emails }) => copy.startOver(emails?.emails ?? []),
 *     onEmails: (event) => copy.apply(event),
 *     onDeleted: () => copy.startOver([]),
 *
 * A snapshot carries the first page only. Whoever joins late reads the other pages over REST, after the snapshot, and
 * hands them to `fill`, which never puts an older result over a newer one.
 */
export class FileCopy {
  readonly #batches = new Map<string, Map<number, PlacedResult>>();
  /** Places that events have set or emptied since the snapshot: a page that was read meanwhile knows less of them. */
  readonly #touched = new Map<string, Set<number>>();
  readonly #emptiedFrom = new Map<string, number>();
  #size = 0;

  /** How many places hold a result; equal to the stats' `processed` once everything is in. */
  get size(): number {
    return this.#size;
  }

  get(batchId: string, position: number): PlacedResult | undefined {
    return this.#batches.get(batchId)?.get(position);
  }

  /** By batch in the order they were first heard of, by place within the batch. */
  *results(): Generator<PlacedResult> {
    for (const batch of this.#batches.values()) {
      for (const position of [...batch.keys()].sort((a, b) => a - b)) {
        const result = batch.get(position);
        if (result) yield result;
      }
    }
  }

  startOver(results: Iterable<PlacedResult>): void {
    this.#batches.clear();
    this.#touched.clear();
    this.#emptiedFrom.clear();
    this.#size = 0;
    for (const result of results) this.#put(result);
  }

  apply(event: Pick<FileEmails, 'truncated' | 'emails'>): void {
    for (const truncation of event.truncated ?? []) this.#truncate(truncation);
    for (const result of event.emails) {
      this.#put(result);
      entry(this.#touched, result.batchId, () => new Set<number>()).add(result.position);
    }
  }

  /** Takes in a page that was read after the snapshot. */
  fill(results: Iterable<PlacedResult>): void {
    for (const result of results) {
      const { batchId, position } = result;
      if (this.#touched.get(batchId)?.has(position)) continue;
      if (position >= (this.#emptiedFrom.get(batchId) ?? Number.POSITIVE_INFINITY)) continue;
      this.#put(result);
    }
  }

  #put(result: PlacedResult): void {
    const batch = entry(this.#batches, result.batchId, () => new Map<number, PlacedResult>());
    if (!batch.has(result.position)) this.#size += 1;
    batch.set(result.position, result);
  }

  #truncate({ batchId, length }: Truncation): void {
    const batch = this.#batches.get(batchId);
    for (const position of batch?.keys() ?? []) {
      if (position >= length && batch?.delete(position)) this.#size -= 1;
    }
    const before = this.#emptiedFrom.get(batchId) ?? Number.POSITIVE_INFINITY;
    this.#emptiedFrom.set(batchId, Math.min(before, length));
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
