/** Splits a submission into batches, in the real validator's sizes. */
import type { Flags } from '../verdict/findings.js';

/** One worker's unit of work. */
export interface Batch {
  readonly batchId: string;
  /** Counts the batches of this validator: faults are chosen by it, so that every run has the same. */
  readonly number: number;
  readonly emails: readonly string[];
  readonly flags: Flags;
}

/** The largest submission that becomes one batch without a request. */
export const MAX_OF_ONE_BATCH = 10;

const SIZES = [
  [50, 10],
  [100, 20],
  [200, 30],
  [500, 50],
  [1000, 100],
] as const;
const LARGEST = 150;

/** The size of each batch for a submission of this many addresses. */
export function batchSizeFor(emails: number): number {
  if (emails <= MAX_OF_ONE_BATCH) return emails;
  return SIZES.find(([upTo]) => emails <= upTo)?.[1] ?? LARGEST;
}

/** The addresses in slices, in order. */
export function slicesOf(emails: readonly string[]): string[][] {
  const size = batchSizeFor(emails.length);
  return Array.from({ length: Math.ceil(emails.length / size) }, (_, i) =>
    emails.slice(i * size, (i + 1) * size),
  );
}
