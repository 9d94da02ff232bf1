import { createHash, type Hash } from 'node:crypto';
import { ByteCache } from '../byte-cache.js';
import { type PlacedResult, type Result, textLines } from '../domain/result.js';

/** A list with its fingerprint, and how much of it is as it was stored before. */
export interface MeasuredList {
  readonly results: readonly Result[];
  /** As `fingerprints` gives it for all of the list. */
  readonly fingerprint: string;
  /** Results at its beginning that were stored already, as far as is remembered here, and their fingerprint. */
  readonly stored: { readonly length: number; readonly fingerprint: string };
  /** The lines of the others. */
  readonly tail: string;
  readonly running: Hash;
  readonly bytes: number;
}

const MAX_BYTES = 16 * 2 ** 20;
/** What a result takes beside its text, about. */
const RESULT_BYTES = 250;

/**
 * The lists that were stored last, so that the next one of the same batch need not be hashed from its beginning, and what
 * was just written need not be read again to be announced. What is remembered here is never taken for what is stored: a
 * store compares fingerprints.
 */
export class RecentLists {
  readonly #lists = new ByteCache<MeasuredList>(MAX_BYTES);

  measure(batchId: string, results: readonly Result[]): MeasuredList {
    const before = this.#lists.get(batchId);
    const known = before !== undefined && beginsWith(results, before.results) ? before : null;
    const length = known?.results.length ?? 0;
    const tail = textLines(length === 0 ? results : results.slice(length));
    const running = (known?.running.copy() ?? createHash('sha1')).update(tail);
    return {
      results,
      fingerprint: running.copy().digest('base64'),
      stored: { length, fingerprint: known?.fingerprint ?? '' },
      tail,
      running,
      bytes: (known?.bytes ?? 0) + tail.length + RESULT_BYTES * (results.length - length),
    };
  }

  /** The list is stored. */
  remember(batchId: string, list: MeasuredList): void {
    // Its text is that of its results.
    this.#lists.set(batchId, { ...list, tail: '' }, list.bytes);
  }

  get(batchId: string): MeasuredList | undefined {
    return this.#lists.get(batchId);
  }

  /** The results at some places of a list, if it is remembered. */
  resultsAt(batchId: string, fingerprint: string, positions: readonly number[]): PlacedResult[] | null {
    const list = this.#lists.get(batchId);
    return list?.fingerprint === fingerprint ? pickResults(batchId, list, positions) : null;
  }

  forget(batchId: string): void {
    this.#lists.delete(batchId);
  }

  forgetAll(): void {
    this.#lists.clear();
  }

  close(): void {
    this.#lists.close();
  }
}

/** Whether they are the very same results: who reads updates does not read them twice. */
function beginsWith(results: readonly Result[], start: readonly Result[]): boolean {
  return start.length <= results.length && start.every((result, index) => result === results[index]);
}

export const pickResults = (
  batchId: string,
  list: MeasuredList | undefined,
  positions: readonly number[],
): PlacedResult[] =>
  positions.flatMap((position) => {
    const result = list?.results[position];
    return result === undefined ? [] : [{ batchId, position, json: result.json }];
  });
