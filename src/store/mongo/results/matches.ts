/** Which results of a batch pass a filter: counted with the index of addresses, or cut out for a page. */
import { trusted } from 'mongoose';
import type { Generation } from '../../../domain/id.js';
import type { PlacedResult } from '../../../domain/result.js';
import { cellOf, type RiskLevel, type Status } from '../../../domain/verdict.js';
import { cutWindow, type PageWindow, range } from '../../positions.js';
import type { CompiledFilter } from '../../result-filter.js';
import { WITHOUT_LIST } from '../batches/batch-docs.js';
import type { BatchDoc, BatchHead, ChunkDoc } from '../documents.js';
import type { Models } from '../models.js';
import type { CountedBatch } from '../rollups.js';
import {
  type BatchRead,
  keysOf,
  type PlacedDoc,
  placedResults,
  readBatches,
  readConsistently,
  resultsAt,
  SHORT,
} from './batch-reads.js';

export const passes = (filter: CompiledFilter, { doc }: PlacedDoc): boolean =>
  filter.cells.includes(cellOf(doc.status as Status, doc.risk_level as RiskLevel | null)) &&
  filter.passesAddress(doc.email);

/** By an index key, see `indexKeyOf`. */
const keyPasses = (filter: CompiledFilter, key: string): boolean =>
  filter.passesCode(key.slice(-1)) && filter.passesKey(key.slice(0, -1));

/**
 * How many matches of an address's start each batch has, in order. The index finds the documents that have any; their keys
 * are counted without reading a result.
 */
export async function countMatches(
  db: Models,
  generation: Generation,
  filter: CompiledFilter,
): Promise<CountedBatch[]> {
  const [$gte, $lt] = filter.keyRange;
  const anyKey = trusted({ $elemMatch: { $gte, $lt } });
  const counts = new Map<number, number>();
  const count = (ordinal: number | null, keys: readonly string[]) => {
    const matches = keys.filter((key) => keyPasses(filter, key)).length;
    if (matches > 0 && ordinal !== null) counts.set(ordinal, (counts.get(ordinal) ?? 0) + matches);
  };
  const batches = db.batches
    .find({ generation, keys: anyKey }, { _id: 0, ordinal: 1, keys: 1 })
    .lean<Pick<BatchDoc, 'ordinal' | 'keys'>[]>()
    .cursor();
  for await (const { ordinal, keys } of batches) count(ordinal, keys);

  const chunked = await db.batches
    .find({ generation, isChunked: true }, WITHOUT_LIST)
    .lean<BatchHead[]>()
    .exec();
  for (const { batchId, ordinal, chunks } of chunked) {
    const ids = new Set(chunks.map(({ id }) => id));
    const found = db.chunks
      .find({ batchId, keys: anyKey }, { keys: 1 })
      .lean<Pick<ChunkDoc, '_id' | 'keys'>[]>()
      .cursor();
    for await (const { _id, keys } of found) if (ids.has(_id)) count(ordinal, keys);
  }
  const inOrder = [...counts]
    .map(([ordinal, matches]) => ({ ordinal, count: matches }))
    .sort((a, b) => a.ordinal - b.ordinal);
  return filter.exceedsKeys ? countByAddresses(db, generation, filter, inOrder) : inOrder;
}

/** Counts again where the start of the address is longer than a key: by the addresses themselves. */
async function countByAddresses(
  db: Models,
  generation: Generation,
  filter: CompiledFilter,
  candidates: readonly CountedBatch[],
): Promise<CountedBatch[]> {
  const exact: CountedBatch[] = [];
  for (const { ordinal } of candidates) {
    const [read] = await readBatches(db, generation, { ordinal: { $in: [ordinal] } }, [0, SHORT], 1);
    const slice = read === undefined ? null : await pageSliceOf(db, read, filter, { skip: 0, limit: 0 });
    if (slice !== null && slice.count > 0) exact.push({ ordinal, count: slice.count });
  }
  return exact;
}

/** What a batch has for a page. */
export interface PageSlice {
  /** Results of the whole batch that pass the filter. */
  readonly count: number;
  readonly results: readonly PlacedResult[];
}

/** What a batch, read from its start, has for a page: a window of its passing results. Null: the batch is gone. */
export function pageSliceOf(
  db: Models,
  { batch, some }: BatchRead,
  filter: CompiledFilter,
  window: PageWindow,
): Promise<PageSlice | null> {
  if (some.length === batch.length) return Promise.resolve(cutSlice(batch, some, filter, window));
  if (filter.passesAll && Math.min(batch.length, window.skip + window.limit) <= some.length)
    return Promise.resolve({ count: batch.length, results: placedResults(batch, cutWindow(some, window)) });
  return readConsistently(db, batch, async (current) => {
    const passing = filter.passesAll ? range(0, current.length) : await passingPositions(db, current, filter);
    if (passing === null) return null;
    const wanted = filter.exceedsKeys ? passing : cutWindow(passing, window);
    const results = await resultsAt(db, current, wanted);
    if (results === null) return null;
    if (filter.exceedsKeys) return cutSlice(current, results, filter, window);
    return { count: passing.length, results: placedResults(current, results) };
  });
}

function cutSlice(
  batch: BatchHead,
  results: readonly PlacedDoc[],
  filter: CompiledFilter,
  window: PageWindow,
): PageSlice {
  const passing = filter.passesAll ? results : results.filter((result) => passes(filter, result));
  return { count: passing.length, results: placedResults(batch, cutWindow(passing, window)) };
}

/** By the keys alone: a long list need not be read for a few results of it. */
async function passingPositions(
  db: Models,
  batch: BatchHead,
  filter: CompiledFilter,
): Promise<number[] | null> {
  const keys = await keysOf(db, batch);
  return keys?.flatMap((key, position) => (keyPasses(filter, key) ? [position] : [])) ?? null;
}
