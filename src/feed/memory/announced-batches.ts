/** The batches that a file's feed has announced, as texts. */

import { batchOfText, batchText } from '../../domain/batch-text.js';
import type { BatchId } from '../../domain/id.js';
import type { BatchVersion } from '../../domain/summary.js';

/** Estimated memory of a batch beside its text. */
const BATCH_BYTES = 150;

export class AnnouncedBatches {
  #characters = 0;

  constructor(private readonly texts: Map<BatchId, string>) {
    for (const text of texts.values()) this.#characters += text.length;
  }

  /** About what they take in memory. */
  get bytes(): number {
    return BATCH_BYTES * this.texts.size + this.#characters;
  }

  announce(batches: ReadonlyMap<BatchId, BatchVersion>): void {
    for (const [batchId, batch] of batches) {
      const text = batchText(batch);
      this.#characters += text.length - (this.texts.get(batchId)?.length ?? 0);
      this.texts.set(batchId, text);
    }
  }

  /** Those of the named batches that were announced. */
  of(batchIds: readonly BatchId[]): Map<BatchId, BatchVersion> {
    const found = new Map<BatchId, BatchVersion>();
    for (const batchId of batchIds) {
      const text = this.texts.get(batchId);
      if (text !== undefined) found.set(batchId, batchOfText(text));
    }
    return found;
  }
}
