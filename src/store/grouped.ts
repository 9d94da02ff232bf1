/** Groups values by a key, and batches by their file. */
import type { BatchId, FileId } from '../domain/id.js';

/** Keys and values in the order in which they come. */
export function grouped<K, V>(values: Iterable<V>, keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

export const batchesByFile = (batches: Iterable<{ readonly fileId: FileId; readonly batchId: BatchId }>) =>
  [...grouped(batches, ({ fileId }) => fileId)].map(([fileId, some]) => ({
    fileId,
    batchIds: some.map(({ batchId }) => batchId),
  }));
