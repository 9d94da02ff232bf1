import { trusted } from 'mongoose';
import { WITHOUT_LIST } from './batches/batch-docs.js';
import type { CompiledFilter } from './compiled-filter.js';
import type { BatchDoc, BatchHead, ChunkDoc } from './documents.js';
import type { Models } from './models.js';
import { pageSliceOf, readBatches, SHORT } from './page-slices.js';
import type { CountedBatch } from './rollups.js';

/**
 * How many matches of an address's start each batch has, in order. The index of keys says which batches have any at all;
 * of those the keys are counted, without reading a result.
 */
export async function matching(
  db: Models,
  generation: string,
  filter: CompiledFilter,
): Promise<CountedBatch[]> {
  const range = trusted({ $elemMatch: filter.range });
  const counts = new Map<number, number>();
  const count = (ordinal: number | null, keys: readonly string[]) => {
    const matches = keys.filter((key) => filter.passesKey(key)).length;
    if (matches > 0 && ordinal !== null) counts.set(ordinal, (counts.get(ordinal) ?? 0) + matches);
  };
  const documents = db.batches
    .find({ generation, keys: range }, { _id: 0, ordinal: 1, keys: 1 })
    .lean<Pick<BatchDoc, 'ordinal' | 'keys'>[]>()
    .cursor();
  for await (const { ordinal, keys } of documents) count(ordinal, keys);

  const long = await db.batches
    .find({ generation, isChunked: true }, WITHOUT_LIST)
    .lean<BatchHead[]>()
    .exec();
  for (const { batchId, ordinal, chunks } of long) {
    const refs = new Set(chunks.map(({ id }) => id));
    const found = db.chunks
      .find({ batchId, keys: range }, { keys: 1 })
      .lean<Pick<ChunkDoc, '_id' | 'keys'>[]>()
      .cursor();
    for await (const { _id, keys } of found) if (refs.has(_id)) count(ordinal, keys);
  }
  const inOrder = [...counts]
    .map(([ordinal, matches]) => ({ ordinal, count: matches }))
    .sort((a, b) => a.ordinal - b.ordinal);
  return filter.isLong ? looked(db, generation, filter, inOrder) : inOrder;
}

/** Keys end where a long start goes on: then the addresses themselves are looked at. */
async function looked(
  db: Models,
  generation: string,
  filter: CompiledFilter,
  candidates: readonly CountedBatch[],
): Promise<CountedBatch[]> {
  const exact: CountedBatch[] = [];
  for (const { ordinal } of candidates) {
    const [read] = await readBatches(db, generation, { ordinal: { $in: [ordinal] } }, [0, SHORT], 1);
    const share = read === undefined ? null : await pageSliceOf(db, read, filter, 0, 0);
    if (share !== null && share.count > 0) exact.push({ ordinal, count: share.count });
  }
  return exact;
}
