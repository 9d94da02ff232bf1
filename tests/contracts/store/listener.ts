import { expect } from '@jest/globals';
import type { PlacedResult } from '../../../src/domain/result.js';
import { type BatchVersion, EMPTY_SUMMARY } from '../../../src/domain/summary.js';
import type { BatchChanges, Store } from '../../../src/store/store.js';

const NEVER: BatchVersion = { version: 0, summary: EMPTY_SUMMARY };

/** Keeps a copy of a file from nothing but its changes, and fails on a change that does not fit. */
export class Listener {
  readonly #known = new Map<string, BatchVersion>();
  readonly #lists = new Map<string, string[]>();

  constructor(
    private readonly store: Store,
    private readonly fileId: string,
  ) {}

  /** Reads the changes of the batches, applies them and answers with them. `saved`: as `ChangeStore.since` has it. */
  async catchUp(batchIds: Iterable<string>, saved?: ReadonlySet<string>): Promise<readonly BatchChanges[]> {
    const known = new Map([...batchIds].map((id) => [id, this.#known.get(id) ?? NEVER]));
    const changes = await this.store.changes.since(this.fileId, known, saved);
    for (const batch of changes?.batches ?? []) this.#apply(batch);
    return changes?.batches ?? [];
  }

  list(batchId: string): readonly string[] {
    return this.#lists.get(batchId) ?? [];
  }

  #apply({ batchId, version, summary, results, truncated }: BatchChanges): void {
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
    // A position without a change would be a hole here, and a list that is too long an unannounced truncation.
    expect(Object.keys(list)).toHaveLength(list.length);
    expect(summary.processed).toBe(list.length);
    this.#lists.set(batchId, list);
    this.#known.set(batchId, { version, summary });
  }
}

const ascending = (results: readonly PlacedResult[]): number[] =>
  results.map(({ position }) => position).sort((a, b) => a - b);
