/** How both stores keep a page, a slice or the changes of results within a bound of bytes: one result may have megabytes. */
import type { BatchId } from '../domain/id.js';
import type { PlacedResult } from '../domain/result.js';

/** Bytes of a slice of a scan, about. */
export const SLICE_BYTES = 4 * 2 ** 20;
/** Bytes of results that are read for the changes of some batches, about. */
export const CHANGES_BYTES = 16 * 2 ** 20;

/** Decides which batches' changes are read in one go. */
export class BoundedChanges {
  /** Those for which there was no room. */
  readonly left: BatchId[] = [];
  #bytes = 0;

  /** The first one fits however large it is. */
  fits(batchId: BatchId): boolean {
    if (this.#bytes < CHANGES_BYTES) return true;
    this.left.push(batchId);
    return false;
  }

  /** To be called for each that fits. */
  took(bytes: number): void {
    this.#bytes += bytes;
  }
}

export class BoundedResults {
  readonly results: PlacedResult[] = [];
  /** A result was left out: those before it have as many bytes as may be. */
  isCut = false;
  #bytes = 0;

  /** Undefined: there is no bound. */
  constructor(private readonly maxBytes = Number.POSITIVE_INFINITY) {}

  /** Takes results in their order while there is room for them. The first one is taken however large it is. */
  add(some: Iterable<PlacedResult>): void {
    for (const result of some) {
      if (this.isCut) return;
      this.#bytes += Buffer.byteLength(result.json);
      this.isCut = this.#bytes > this.maxBytes && this.results.length > 0;
      if (!this.isCut) this.results.push(result);
    }
  }
}
