import { trusted } from 'mongoose';
import { HEAD } from './batch-docs.js';
import type { Batch, BatchDoc, PartDoc } from './documents.js';
import type { Filter } from './filters.js';
import type { Models } from './models.js';
import { readBatches, SHORT, shareOf } from './shares.js';
import type { Counted } from './sums.js';

/**
 * How many matches of an address's start each batch has, in order. The index of keys says which batches have any at all;
 * of those the keys are counted, without reading a result.
 */
export async function matching(db: Models, life: string, filter: Filter): Promise<Counted[]> {
  const range = trusted({ $elemMatch: filter.range });
  const counts = new Map<number, number>();
  const count = (ordinal: number | null, keys: readonly string[]) => {
    const matches = keys.filter((key) => filter.passesKey(key)).length;
    if (matches > 0 && ordinal !== null) counts.set(ordinal, (counts.get(ordinal) ?? 0) + matches);
  };
  const documents = db.batches
    .find({ life, keys: range }, { _id: 0, ordinal: 1, keys: 1 })
    .lean<Pick<BatchDoc, 'ordinal' | 'keys'>[]>()
    .cursor();
  for await (const { ordinal, keys } of documents) count(ordinal, keys);

  const long = await db.batches.find({ life, inParts: true }, HEAD).lean<Batch[]>().exec();
  for (const { batchId, ordinal, parts } of long) {
    const refs = new Set(parts.map(({ id }) => id));
    const found = db.parts
      .find({ batchId, keys: range }, { keys: 1 })
      .lean<Pick<PartDoc, '_id' | 'keys'>[]>()
      .cursor();
    for await (const { _id, keys } of found) if (refs.has(_id)) count(ordinal, keys);
  }
  const inOrder = [...counts]
    .map(([ordinal, matches]) => ({ ordinal, count: matches }))
    .sort((a, b) => a.ordinal - b.ordinal);
  return filter.isLong ? looked(db, life, filter, inOrder) : inOrder;
}

/** Keys end where a long start goes on: then the addresses themselves are looked at. */
async function looked(
  db: Models,
  life: string,
  filter: Filter,
  candidates: readonly Counted[],
): Promise<Counted[]> {
  const exact: Counted[] = [];
  for (const { ordinal } of candidates) {
    const [read] = await readBatches(db, life, { ordinal: { $in: [ordinal] } }, [0, SHORT], 1);
    const share = read === undefined ? null : await shareOf(db, read, filter, 0, 0);
    if (share !== null && share.count > 0) exact.push({ ordinal, count: share.count });
  }
  return exact;
}
