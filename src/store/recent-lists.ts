/** Keeps the lists of results that this gateway stored last, so that the next update of a batch costs only its new part. */
import { createHash, type Hash } from 'node:crypto';
import { ByteCache } from '../byte-cache.js';
import type { BatchId } from '../domain/id.js';
import { type PlacedResult, type Result, textLines } from '../domain/result.js';

/** A list with its fingerprint, and how much of it is known to be stored already. */
export interface FingerprintedList {
  readonly results: readonly Result[];
  /** Of the whole list, as `fingerprints` gives it. */
  readonly fingerprint: string;
  /** The results at its beginning that are the list remembered here, and their fingerprint. */
  readonly stored: { readonly length: number; readonly fingerprint: string };
  /** The other results as text, a line each. */
  readonly tail: string;
  /** The hash that `fingerprint` was read from; a longer list continues it. */
  readonly hash: Hash;
  /** About what the list takes in memory. */
  readonly bytes: number;
}

const MAX_BYTES = 16 * 2 ** 20;
/** Of complete lists, which do not grow any more: enough for those of one flush, which announces them. */
const MAX_COMPLETE_BYTES = 4 * 2 ** 20;
/** Bytes that a result takes beside its text, about. */
const RESULT_BYTES = 250;

/** About what results take in memory. `chars`: of them as lines. */
export const listBytes = (chars: number, results: number): number => chars + RESULT_BYTES * results;

/**
 * A list that continues a remembered one is not hashed from its beginning, and results that were just written are not read
 * again to be announced. A remembered list may differ from the stored one, so a store compares fingerprints.
 */
export class RecentLists {
  readonly #growing = new ByteCache<FingerprintedList>(MAX_BYTES);
  readonly #complete = new ByteCache<FingerprintedList>(MAX_COMPLETE_BYTES);

  fingerprint(
    batchId: BatchId,
    results: readonly Result[],
    length = this.lengthKnown(batchId, results),
  ): FingerprintedList {
    const known = length === 0 ? undefined : this.get(batchId);
    const tail = textLines(length === 0 ? results : results.slice(length));
    const hash = (known?.hash.copy() ?? createHash('sha1')).update(tail);
    return {
      results,
      fingerprint: hash.copy().digest('base64'),
      stored: { length, fingerprint: known?.fingerprint ?? '' },
      tail,
      hash,
      bytes: (known?.bytes ?? 0) + listBytes(tail.length, results.length - length),
    };
  }

  /** How many results at the beginning of a list are the one that is remembered of its batch. */
  lengthKnown(batchId: BatchId, results: readonly Result[]): number {
    const last = this.get(batchId);
    return last !== undefined && beginsWith(results, last.results) ? last.results.length : 0;
  }

  /** To be called once the list is stored. */
  remember(batchId: BatchId, list: FingerprintedList, isComplete: boolean): void {
    this.forget(batchId);
    const lists = isComplete ? this.#complete : this.#growing;
    // The text is in the results as well.
    lists.set(batchId, { ...list, tail: '' }, list.bytes);
  }

  get(batchId: BatchId): FingerprintedList | undefined {
    return this.#growing.get(batchId) ?? this.#complete.get(batchId);
  }

  /** The results at some positions of a list; null: the list with this fingerprint is not remembered. */
  resultsAt(batchId: BatchId, fingerprint: string, positions: readonly number[]): PlacedResult[] | null {
    const list = this.get(batchId);
    return list?.fingerprint === fingerprint ? pickResults(batchId, list, positions) : null;
  }

  forget(batchId: BatchId): void {
    this.#growing.delete(batchId);
    this.#complete.delete(batchId);
  }

  forgetAll(): void {
    this.#growing.clear();
    this.#complete.clear();
  }

  close(): void {
    this.#growing.close();
    this.#complete.close();
  }
}

/** Compares objects, not texts: the reader of updates reuses the results that it has read before. */
function beginsWith(results: readonly Result[], start: readonly Result[]): boolean {
  return start.length <= results.length && start.every((result, index) => result === results[index]);
}

export const pickResults = (
  batchId: BatchId,
  list: FingerprintedList | undefined,
  positions: readonly number[],
): PlacedResult[] =>
  positions.flatMap((position) => {
    const result = list?.results[position];
    return result === undefined ? [] : [{ batchId, position, json: result.json }];
  });
