/** How both stores keep a page or a slice of results within a bound of bytes: one result may have megabytes. */
import type { PlacedResult } from '../domain/result.js';

/** Bytes of a slice of a scan, about. */
export const SLICE_BYTES = 4 * 2 ** 20;

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
