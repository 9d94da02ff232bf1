/** Picks the oldest entries to delete, so that a store that is `excess` bytes over its limit fits again. */
export function entriesToDrop<T extends { readonly bytes: number }>(
  oldestFirst: readonly T[],
  excess: number,
): readonly T[] {
  let count = 0;
  for (let left = excess; left > 0 && count < oldestFirst.length; count++)
    left -= oldestFirst[count]?.bytes ?? 0;
  return oldestFirst.slice(0, count);
}
