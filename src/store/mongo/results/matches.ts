/** Which results of a batch pass a filter: counted with the index of addresses and domains, or cut out for a page. */
import { trusted } from 'mongoose';
import type { Generation } from '../../../domain/id.js';
import type { PlacedResult } from '../../../domain/result.js';
import { cutWindow, type PageWindow, range } from '../../positions.js';
import type { CompiledFilter } from '../../result-filter.js';
import { findBatchesWhere } from '../batches/batch-docs.js';
import type { BatchDoc, ChunkDoc, StoredBatch } from '../documents/batches.js';
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
import { cellOfDoc } from './result-docs.js';

export const passes = (filter: CompiledFilter, { doc }: PlacedDoc): boolean =>
  (filter.passesAllCells || filter.cells.includes(cellOfDoc(doc))) && filter.passesAddress(doc.email);

/** By an index key, see `indexKeyOf`; null: only the address can say. */
const keyPasses = (filter: CompiledFilter, key: string): boolean | null =>
  filter.passesCode(key.slice(-1)) && filter.passesKey(key.slice(0, -1));

/** The positions whose keys do not rule them out. Uncertain: of some, only the address can say whether it passes. */
export function passingKeys(
  filter: CompiledFilter,
  keys: readonly string[],
): { readonly positions: number[]; readonly isCertain: boolean } {
  const positions: number[] = [];
  let isCertain = true;
  for (const [position, key] of keys.entries()) {
    const isPassing = keyPasses(filter, key);
    if (isPassing !== false) positions.push(position);
    isCertain &&= isPassing !== null;
  }
  return { positions, isCertain };
}

/**
 * How many matches of a start each batch has, in order. The index finds the documents that have any; their keys are counted
 * without reading a result.
 */
export async function countMatches(
  db: Models,
  generation: Generation,
  filter: CompiledFilter,
): Promise<CountedBatch[]> {
  const counts = new Map<number, number>();
  const uncertain = new Set<number>();
  const count = (ordinal: number | null, keys: readonly string[]) => {
    if (ordinal === null) return;
    const { positions, isCertain } = passingKeys(filter, keys);
    if (!isCertain) uncertain.add(ordinal);
    else if (positions.length > 0) counts.set(ordinal, (counts.get(ordinal) ?? 0) + positions.length);
  };
  const batches = db.batches
    .find(withMatches({ generation }, filter), { _id: 0, ordinal: 1, keys: 1 })
    .lean<Pick<BatchDoc, 'ordinal' | 'keys'>[]>()
    .cursor();
  for await (const { ordinal, keys } of batches) count(ordinal, keys);

  const chunked = await findBatchesWhere(db, { generation, isChunked: true });
  for (const { batchId, ordinal, chunks } of chunked) {
    const ids = new Set(chunks.map(({ id }) => id));
    const found = db.chunks
      .find(withMatches({ batchId }, filter), { keys: 1 })
      .lean<Pick<ChunkDoc, '_id' | 'keys'>[]>()
      .cursor();
    for await (const { _id, keys } of found) if (ids.has(_id)) count(ordinal, keys);
  }
  for (const ordinal of uncertain)
    counts.set(ordinal, await countByAddresses(db, generation, filter, ordinal));
  return [...counts]
    .flatMap(([ordinal, matches]) => (matches > 0 ? [{ ordinal, count: matches }] : []))
    .sort((a, b) => a.ordinal - b.ordinal);
}

/** The documents with keys, of addresses or of domains, in the filter's range. */
function withMatches(of: object, filter: CompiledFilter): object {
  const [$gte, $lt] = filter.keyRange;
  const inRange = trusted({ $elemMatch: { $gte, $lt } });
  const byDomain = { ...of, domains: inRange };
  return filter.isDomainOnly ? byDomain : { $or: [{ ...of, keys: inRange }, byDomain] };
}

/** Counts in a batch whose keys cannot say it: by the addresses themselves. */
async function countByAddresses(
  db: Models,
  generation: Generation,
  filter: CompiledFilter,
  ordinal: number,
): Promise<number> {
  for await (const read of readBatches(db, generation, { ordinal: { $in: [ordinal] } }, [0, SHORT], 1))
    return (await pageSliceOf(db, read, filter, { skip: 0, limit: 0 }))?.count ?? 0;
  return 0;
}

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
    const keys = filter.passesAll ? [] : await keysOf(db, current);
    if (keys === null) return null;
    const { positions, isCertain } = filter.passesAll
      ? { positions: range(0, current.length), isCertain: true }
      : passingKeys(filter, keys);
    const results = await resultsAt(db, current, isCertain ? cutWindow(positions, window) : positions);
    if (results === null) return null;
    if (!isCertain) return cutSlice(current, results, filter, window);
    return { count: positions.length, results: placedResults(current, results) };
  });
}

function cutSlice(
  batch: StoredBatch,
  results: readonly PlacedDoc[],
  filter: CompiledFilter,
  window: PageWindow,
): PageSlice {
  const passing = filter.passesAll ? results : results.filter((result) => passes(filter, result));
  return { count: passing.length, results: placedResults(batch, cutWindow(passing, window)) };
}
