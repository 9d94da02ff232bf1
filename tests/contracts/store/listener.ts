import { expect } from '@jest/globals';
import type { PlacedResult } from '../../../src/domain/result.js';
import { type AnnouncedBatch, EMPTY_SUMMARY } from '../../../src/domain/summary.js';
import type { BatchChanges, Store } from '../../../src/store/store.js';

const NEVER: AnnouncedBatch = { version: 0, summary: EMPTY_SUMMARY };

/** Somebody who keeps a copy of a file from nothing but its news. */
export class Listener {
  readonly #known = new Map<string, AnnouncedBatch>();
  readonly #lists = new Map<string, string[]>();

  constructor(
    private readonly store: Store,
    private readonly fileId: string,
  ) {}

  /** Asks for the news of the batches and takes them in; answers with what they were. */
  async catchUp(batchIds: Iterable<string>): Promise<readonly BatchChanges[]> {
    const known = new Map([...batchIds].map((id) => [id, this.#known.get(id) ?? NEVER]));
    const news = await this.store.changes.since(this.fileId, known);
    for (const batch of news?.batches ?? []) this.#take(batch);
    return news?.batches ?? [];
  }

  list(batchId: string): readonly string[] {
    return this.#lists.get(batchId) ?? [];
  }

  #take({ batchId, version, summary, results, truncated }: BatchChanges): void {
    expect(version).toBeGreaterThan(this.#known.get(batchId)?.version ?? 0);
    expect(results.map(({ position }) => position)).toEqual(ascending(results));
    const list = [...this.list(batchId)];
    if (truncated !== null) {
      expect(truncated.batchId).toBe(batchId);
      list.length = Math.min(list.length, truncated.length);
    }
    for (const { position, json, batchId: of } of results) {
      expect(of).toBe(batchId);
      list[position] = json;
    }
    // A place that nobody told of would be a hole here, and a list that is too long an unannounced truncation.
    expect(Object.keys(list)).toHaveLength(list.length);
    expect(summary.processed).toBe(list.length);
    this.#lists.set(batchId, list);
    this.#known.set(batchId, { version, summary });
  }
}

const ascending = (results: readonly PlacedResult[]): number[] =>
  results.map(({ position }) => position).sort((a, b) => a - b);
