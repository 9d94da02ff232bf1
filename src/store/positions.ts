/** Positions in a list, counted from 0: which of them are on a page, and which are read together. */
import type { PageQuery } from './store.js';

/** Positions that lie no further apart than this are read in one go. */
const NEAR = 32;

/** The positions from `from` on, below `to`. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Ascending positions, in groups that are read in one go. No group is empty. */
export function groupNear(positions: readonly number[]): number[][] {
  const groups: number[][] = [];
  for (const position of positions) {
    const last = groups.at(-1);
    if (last !== undefined && position - (last.at(-1) ?? 0) <= NEAR) last.push(position);
    else groups.push([position]);
  }
  return groups;
}

/** The part of a sequence that is on a page: what comes after `skip`, at most `limit`. */
export interface PageWindow {
  readonly skip: number;
  readonly limit: number;
}

export const windowOf = ({ page, limit }: PageQuery): PageWindow => ({ skip: (page - 1) * limit, limit });

export const cutWindow = <T>(items: readonly T[], { skip, limit }: PageWindow): T[] =>
  items.slice(skip, skip + limit);
