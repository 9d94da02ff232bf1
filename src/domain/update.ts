import type { Result } from './result.js';

/** One message about one batch. Cumulative: it carries every result of the batch so far. */
export interface Update {
  readonly batchId: string;
  /** The file, where the producer names it; else the batch's registration does. */
  readonly fileId: string | null;
  readonly requestId: string | null;
  /** How many batches the request has, where the producer says so. */
  readonly totalBatches: number | null;
  /** The last word on the batch. Never true together with `failure`. */
  readonly isComplete: boolean;
  /** Why the batch failed; null while it has not. */
  readonly failure: string | null;
  /** Addresses in the batch; null where a failing producer does not say. */
  readonly totalEmails: number | null;
  /** Orders the updates of one batch, see `isNewer`. */
  readonly processedCount: number;
  readonly results: readonly Result[];
  /**
   * It was found where its producer keeps it, not heard: unless it is newer it says nothing, not even that somebody works
   * on the batch.
   */
  readonly isFound?: boolean;
}

/** How far a stored batch is, as far as the rule of newness asks. */
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
 * Two updates of one batch in one: the newer list; a failure stays until a complete list takes it back; and what only one
 * of them says of the batch or its request is not forgotten.
 */
export function merged(earlier: Update, later: Update): Update {
  const [newer, older] = isNewer(later, earlier) ? [later, earlier] : [earlier, later];
  return {
    ...newer,
    ...(newer.isFound === true && { isFound: older.isFound === true }),
    totalEmails: newer.totalEmails ?? older.totalEmails,
    totalBatches: later.totalBatches ?? earlier.totalBatches,
    failure: newer.isComplete ? null : (later.failure ?? earlier.failure),
  };
}
