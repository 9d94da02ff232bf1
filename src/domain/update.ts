/** The update of a batch: its fields, which of two is newer, and how two become one. */
import type { BatchId, FileId, RequestId } from './id.js';
import type { Result } from './result.js';

/** One message about one batch. Cumulative: it carries every result of the batch so far. */
export interface Update {
  readonly batchId: BatchId;
  /** Null where the producer does not name the file: the batch's registration does. */
  readonly fileId: FileId | null;
  readonly requestId: RequestId | null;
  /** Batches in the request; null where the producer does not say. */
  readonly totalBatches: number | null;
  /** The batch has all the results that it will get. Never true together with `failure`. */
  readonly isComplete: boolean;
  /** Why the batch failed; null if it has not. */
  readonly failure: string | null;
  /** Addresses in the batch; null where a failing producer does not say. */
  readonly totalEmails: number | null;
  /** Addresses processed, as the producer counts them. Orders the updates of one batch, see `isNewer`. */
  readonly processedCount: number;
  readonly results: readonly Result[];
  /**
   * The gateway looked it up at the validator's key instead of receiving it. Unless it is newer than what is stored it
   * changes nothing: it is no sign that a worker is still busy with the batch.
   */
  readonly isFound?: boolean;
}

/** What decides which of two lists of a batch is newer. */
export interface Completeness {
  readonly isComplete: boolean;
  readonly processedCount: number;
}

/**
 * Newer wins: complete beats incomplete, whatever the counts; between two of a kind the larger `processedCount`;
 * anything else changes nothing. Time does not count: a batch that is run again has newer times.
 */
export function isNewer(update: Completeness, stored: Completeness | null): boolean {
  if (stored === null) return true;
  if (update.isComplete !== stored.isComplete) return update.isComplete;
  return update.processedCount > stored.processedCount;
}

/**
 * Two updates of one batch as one: it has the newer list. A failure stays until a complete list takes it back. What only
 * one of the two says about the batch or its request is kept.
 */
export function merged<U extends Omit<Update, 'results'>>(earlier: U, later: U): U {
  const [newer, older] = isNewer(later, earlier) ? [later, earlier] : [earlier, later];
  return {
    ...newer,
    ...(newer.isFound === true && { isFound: older.isFound === true }),
    totalEmails: newer.totalEmails ?? older.totalEmails,
    totalBatches: later.totalBatches ?? earlier.totalBatches,
    failure: newer.isComplete ? null : (later.failure ?? earlier.failure),
  };
}
