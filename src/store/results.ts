/** The port to the results. */
import type { FileId } from '../domain/id.js';
import type { PlacedResult } from '../domain/result.js';
import type { CellFilter } from '../domain/verdict.js';

/** The results of a file's current request. */
export interface ResultStore {
  /** A page in arrival order: by registration of the batches, then by place in the batch; null: no such file. */
  page(query: PageQuery): Promise<ResultPage | null>;
  /**
   * The results that pass the filter, in arrival order, a slice at a time; holds no more than a slice in memory. Fails with
   * `unavailable` where the file is deleted or replaced meanwhile, so that a part is never taken for the whole.
   */
  scan(fileId: FileId, filter: ResultFilter): AsyncIterable<readonly PlacedResult[]>;
}

export interface ResultFilter extends CellFilter {
  /** Start of the address or of its domain; of its domain only, where it begins with `@`. Case-insensitive. */
  readonly email?: string | undefined;
}

export interface PageQuery extends ResultFilter {
  readonly fileId: FileId;
  /** Counts from 1. */
  readonly page: number;
  readonly limit: number;
  /** A page ends before the result with which it would have more bytes than this, if it is not the first one. */
  readonly maxBytes?: number;
}

export interface ResultPage {
  /** Results that pass the filter, on all pages. */
  readonly total: number;
  readonly results: readonly PlacedResult[];
  /** The page ends early because of `maxBytes`. */
  readonly isCut: boolean;
}
