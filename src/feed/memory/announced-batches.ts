/**
 * The batches that a file's feed has announced, as short texts: a summary as an object takes some 1.5 kB, most of it zeros, and
 * a file of a million addresses has thousands.
 */

import type { BatchId } from '../../domain/id.js';
import { recordOf } from '../../domain/record-of.js';
import { type BatchVersion, EMPTY_SUMMARY, type Summary } from '../../domain/summary.js';
import { inTurns } from '../../portions.js';

/** Estimated memory of a batch beside its text. */
const BATCH_BYTES = 150;

export class AnnouncedBatches {
  readonly #texts = new Map<BatchId, string>();
  #characters = 0;

  /** In turns of the event loop: there may be hundreds of thousands. */
  static async withAll(batches: ReadonlyMap<BatchId, BatchVersion>): Promise<AnnouncedBatches> {
    const announced = new AnnouncedBatches();
    for await (const some of inTurns([...batches])) announced.announce(some);
    return announced;
  }

  /** About what they take in memory. */
  get bytes(): number {
    return BATCH_BYTES * this.#texts.size + this.#characters;
  }

  announce(batches: Iterable<readonly [BatchId, BatchVersion]>): void {
    for (const [batchId, batch] of batches) {
      const text = textOf(batch);
      this.#characters += text.length - (this.#texts.get(batchId)?.length ?? 0);
      this.#texts.set(batchId, text);
    }
  }

  /** Those of the named batches that were announced. */
  of(batchIds: readonly BatchId[]): Map<BatchId, BatchVersion> {
    const found = new Map<BatchId, BatchVersion>();
    for (const batchId of batchIds) {
      const text = this.#texts.get(batchId);
      if (text !== undefined) found.set(batchId, batchIn(text));
    }
    return found;
  }
}

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

function textOf({ version, summary }: BatchVersion): string {
  const cells: number[] = [];
  for (const [cell, count] of summary.cells.entries()) if (count !== 0) cells.push(cell, count);
  return JSON.stringify([
    version,
    COUNTS.map((name) => summary[name]),
    cells,
    summary.facets,
  ] satisfies Packed);
}

function batchIn(text: string): BatchVersion {
  const [version, counts, packed, facets] = JSON.parse(text) as Packed;
  const cells = [...EMPTY_SUMMARY.cells];
  for (let at = 0; at < packed.length; at += 2) cells[packed[at] ?? 0] = packed[at + 1] ?? 0;
  const counted = recordOf(COUNTS, (_, index) => counts[index] ?? 0);
  return { version, summary: { ...counted, cells, facets } };
}
