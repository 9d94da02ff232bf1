/** A copy of a file's results, for programs that keep all of them. */
import type { FileEmails, PlacedResult, Truncation } from './protocol.js';

/**
 * The newest result at each position of a file. Pass it what `listenToFile` calls back with:
 *
 *     onSnapshot: ({ emails }) => copy.startOver(emails?.emails ?? []),
 *     onEmails: (event) => copy.apply(event),
 *     onDeleted: () => copy.startOver([]),
 *
 * A snapshot has the first page only. A program that joins late reads the other pages over REST, after the snapshot, and
 * passes them to `fill`, which never replaces a newer result by an older one.
 */
export class FileCopy {
  readonly #batches = new Map<string, Map<number, PlacedResult>>();
  /** Positions that events have set since the snapshot: a page that was read meanwhile may be older. */
  readonly #setByEvents = new Map<string, Set<number>>();
  /** Per batch, the position from which events have removed results since the snapshot. */
  readonly #truncatedFrom = new Map<string, number>();
  #size = 0;

  /** The number of results; equal to the stats' `processed` once all pages and events were received. */
  get size(): number {
    return this.#size;
  }

  get(batchId: string, position: number): PlacedResult | undefined {
    return this.#batches.get(batchId)?.get(position);
  }

  /** By batch, in the order in which batches first appeared, then by position. */
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
    this.#setByEvents.clear();
    this.#truncatedFrom.clear();
    this.#size = 0;
    for (const result of results) this.#put(result);
  }

  apply(event: Pick<FileEmails, 'truncated' | 'emails'>): void {
    for (const truncation of event.truncated ?? []) this.#truncate(truncation);
    for (const result of event.emails) {
      this.#put(result);
      entry(this.#setByEvents, result.batchId, () => new Set<number>()).add(result.position);
    }
  }

  /** Adds a page that was read after the snapshot. */
  fill(results: Iterable<PlacedResult>): void {
    for (const result of results) {
      const { batchId, position } = result;
      if (this.#setByEvents.get(batchId)?.has(position)) continue;
      if (position >= (this.#truncatedFrom.get(batchId) ?? Number.POSITIVE_INFINITY)) continue;
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
    const before = this.#truncatedFrom.get(batchId) ?? Number.POSITIVE_INFINITY;
    this.#truncatedFrom.set(batchId, Math.min(before, length));
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
