/** Addresses that a test can find wherever a part of one is left. */

/** No address but those of a test that looks for them holds this; whatever the case it is written in. */
export const MARK = 'qzjxwvkq';

/** An address that leaves the mark behind wherever a part of it is left. */
export const marked = (index: number | string): string =>
  `${MARK.repeat(5)}.${index}.${MARK}@${MARK}.example`;

/** Marked addresses that are written in three portions; `n`-th of lists that share none. */
export const longList = (n: number): string[] =>
  Array.from({ length: 2_100 }, (_, at) => marked(`${n}.${at}`));
