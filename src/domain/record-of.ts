/** An object with a value for each of some keys. */
export const recordOf = <K extends string, V>(
  keys: readonly K[],
  valueFor: (key: K, index: number) => V,
): Record<K, V> => Object.fromEntries(keys.map((key, index) => [key, valueFor(key, index)])) as Record<K, V>;
