import type { Flags } from '../verdict/findings.js';

/** What one worker gets to do. */
export interface Batch {
  readonly batchId: string;
  /** Counts all batches of this validator, so that a choice among them is the same in every run. */
  readonly number: number;
  readonly emails: readonly string[];
  readonly flags: Flags;
}

/** The most that a submission may have to be one batch without a request. */
export const MAX_OF_ONE_BATCH = 10;

const SIZES = [
  [50, 10],
  [100, 20],
  [200, 30],
  [500, 50],
  [1000, 100],
] as const;
const LARGEST = 150;

/** Addresses in one batch of a submission of so many. */
export function batchSizeFor(emails: number): number {
  if (emails <= MAX_OF_ONE_BATCH) return emails;
  return SIZES.find(([upTo]) => emails <= upTo)?.[1] ?? LARGEST;
}

/** The addresses in slices, in their order. */
export function slicesOf(emails: readonly string[]): string[][] {
  const size = batchSizeFor(emails.length);
  return Array.from({ length: Math.ceil(emails.length / size) }, (_, i) =>
    emails.slice(i * size, (i + 1) * size),
  );
}
