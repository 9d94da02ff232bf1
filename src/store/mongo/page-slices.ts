import { trusted } from 'mongoose';
import type { PlacedResult } from '../../domain/result.js';
import type { CompiledFilter } from './compiled-filter.js';
import type { BatchDoc, BatchHead } from './documents.js';
import type { Models } from './models.js';
import { keysOf, type PlacedDoc, readConsistently, resultsAt } from './range-reads.js';
import { toJson } from './result-docs.js';

/** Lists up to this length are read whole and in one go with others; longer ones a piece at a time. */
export const SHORT = 512;

/** A batch with some results of its list, from a position on, in one state of it. */
export interface BatchRead {
  readonly batch: BatchHead;
  readonly some: readonly PlacedDoc[];
}

/** What a batch has for a page. */
export interface PageSlice {
  /** Results that pass the filter. */
  readonly count: number;
  readonly results: readonly PlacedResult[];
}

type Wanted =
  | { readonly ordinal: { readonly $in: number[] } }
  | { readonly ordinal: { readonly $gte: number } };

/** Reads batches of a generation in their order, each with some results of its list: `[from, count]`. */
export async function readBatches(
  db: Models,
  generation: string,
  { ordinal }: Wanted,
  slice: [number, number],
  limit: number,
): Promise<BatchRead[]> {
  const docs = await db.batches
    .find({ generation, ordinal: trusted(ordinal) }, { _id: 0, keys: 0, results: { $slice: slice } })
    .sort({ ordinal: 1 })
    .limit(limit)
    .lean<Omit<BatchDoc, 'keys'>[]>()
    .exec();
  return docs.map(({ results, ...batch }) => ({
    batch,
    some: results.map((doc, index) => ({ position: slice[0] + index, doc })),
  }));
}

export const isWhole = ({ batch, some }: BatchRead): boolean => some.length === batch.length;

export const placedResults = ({ batchId }: BatchHead, results: readonly PlacedDoc[]): PlacedResult[] =>
  results.map(({ position, doc }) => ({ batchId, position, json: toJson(doc) }));

/** What of a batch, read from its start, passes a filter, behind those to skip; null: the batch is gone. */
export function pageSliceOf(
  db: Models,
  read: BatchRead,
  filter: CompiledFilter,
  skip: number,
  room: number,
): Promise<PageSlice | null> {
  const { batch, some } = read;
  if (isWhole(read)) return Promise.resolve(cutSlice(batch, some, filter, skip, room));
  const end = Math.min(batch.length, skip + room);
  if (filter.passesAll && end <= some.length)
    return Promise.resolve({ count: batch.length, results: placedResults(batch, some.slice(skip, end)) });
  return readConsistently(db, batch, async (current) => {
    const passing = filter.passesAll ? range(0, current.length) : await passingIn(db, current, filter);
    if (passing === null) return null;
    const wanted = filter.isLong ? passing : passing.slice(skip, skip + room);
    const results = await resultsAt(db, current, wanted);
    if (results === null) return null;
    if (filter.isLong) return cutSlice(current, results, filter, skip, room);
    return { count: passing.length, results: placedResults(current, results) };
  });
}

function cutSlice(
  batch: BatchHead,
  results: readonly PlacedDoc[],
  filter: CompiledFilter,
  skip: number,
  room: number,
): PageSlice {
  const passing = filter.passesAll ? results : results.filter(({ doc }) => filter.passes(doc));
  return { count: passing.length, results: placedResults(batch, passing.slice(skip, skip + room)) };
}

/** By their keys, so that a long list need not be read for a few results of it. */
async function passingIn(db: Models, batch: BatchHead, filter: CompiledFilter): Promise<number[] | null> {
  const keys = await keysOf(db, batch);
  return keys?.flatMap((key, position) => (filter.passesKey(key) ? [position] : [])) ?? null;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
