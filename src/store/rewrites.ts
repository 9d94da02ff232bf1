import type { AnnouncedBatch } from '../domain/summary.js';

/**
 * What a batch remembers of the times its list was replaced instead of extended: from that, and from the length and
 * version that a listener has, follows which places to announce. No result carries a version of its own.
 */
export interface Rewrite {
  /** Version of the batch that the rewrite made. */
  readonly version: number;
  /** Length of the list before it. */
  readonly before: number;
  /** Length of the list after it. */
  readonly length: number;
  /** Places below the old and the new length that differ; null: forgotten, so all of them. */
  readonly changed: readonly number[] | null;
}

const REMEMBERED = 4;
const MAX_CHANGED = 2_000;

/** Remembers one more rewrite; the oldest are merged into one that says "everything". */
export function rememberRewrite(rewrites: readonly Rewrite[], rewrite: Rewrite): Rewrite[] {
  const bounded = (rewrite.changed?.length ?? 0) > MAX_CHANGED ? { ...rewrite, changed: null } : rewrite;
  const all = [...rewrites, bounded];
  if (all.length <= REMEMBERED) return all;
  const [first, second, ...rest] = all;
  if (first === undefined || second === undefined) return rest;
  const before = Math.max(first.before, second.before);
  return [{ version: second.version, before, length: 0, changed: null }, ...rest];
}

export interface Difference {
  /** The places, in order, that are new or changed. */
  readonly positions: readonly number[];
  /**
   * The list is shorter than it was. Being longer may never have been announced: somebody may have read it all the same,
   * in a page, and must hear of it.
   */
  readonly isShorter: boolean;
}

/** What there is to tell of a list to somebody who knows its batch as `announced`. */
export function differenceSince(
  rewrites: readonly Rewrite[],
  length: number,
  announced: AnnouncedBatch,
): Difference {
  let known = announced.summary.processed;
  let longest = known;
  const changed = new Set<number>();
  for (const rewrite of rewrites) {
    if (rewrite.version <= announced.version) continue;
    longest = Math.max(longest, rewrite.before);
    known = rewrite.changed === null ? 0 : Math.min(known, rewrite.length);
    for (const position of rewrite.changed ?? []) changed.add(position);
  }
  known = Math.min(known, length);
  const positions = [...changed].filter((position) => position < known).sort((a, b) => a - b);
  for (let position = known; position < length; position++) positions.push(position);
  return { positions, isShorter: longest > length };
}
