/**
 * A batch's announced version and summary as a short text: a summary as an object takes some 1.5 kB, most of it zeros, and a file
 * of a million addresses has thousands of batches.
 */
import { recordOf } from './record-of.js';
import { type BatchVersion, EMPTY_SUMMARY, type Summary } from './summary.js';

/** The counts of a summary, as they follow each other in a text: their names would take most of it. */
const COUNTS = [
  'batches',
  'begun',
  'completed',
  'failed',
  'stalled',
  'unsized',
  'total',
  'processed',
  'skipped',
] as const satisfies readonly (keyof Summary)[];

/** The cells are pairs of a number and a count, without those that count nothing. */
type Packed = readonly [
  version: number,
  counts: readonly number[],
  cells: readonly number[],
  facets: Summary['facets'],
];

export function batchText({ version, summary }: BatchVersion): string {
  const cells: number[] = [];
  for (const [cell, count] of summary.cells.entries()) if (count !== 0) cells.push(cell, count);
  return JSON.stringify([
    version,
    COUNTS.map((name) => summary[name]),
    cells,
    summary.facets,
  ] satisfies Packed);
}

export function batchOfText(text: string): BatchVersion {
  const [version, counts, packed, facets] = JSON.parse(text) as Packed;
  const cells = [...EMPTY_SUMMARY.cells];
  for (let at = 0; at < packed.length; at += 2) cells[packed[at] ?? 0] = packed[at + 1] ?? 0;
  const counted = recordOf(COUNTS, (_, index) => counts[index] ?? 0);
  return { version, summary: { ...counted, cells, facets } };
}
