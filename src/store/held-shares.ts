/** Decides whose held updates are dropped where there is no room for all, once for every store. */

import type { UserId } from '../domain/id.js';

export interface HeldShare {
  /** The user for whom these updates are held; null: they are for any registration, the operator's own producers sent them. */
  readonly holder: UserId | null;
  readonly bytes: number;
}

/**
 * Yields whose oldest updates to drop next, and about how many bytes of them; is told how many bytes were dropped, 0 where
 * there are no more to drop. The user who holds most gives way, down to what the next one holds: no user can push out the
 * updates of another one, nor the operator's, by sending many. The operator's go last.
 */
export function* givingWay(shares: readonly HeldShare[], excess: number): Generator<HeldShare, void, number> {
  const left = new Map(shares.map(({ holder, bytes }) => [holder, bytes]));
  while (excess > 0) {
    const [first, second] = largestTwo(left);
    if (first === undefined) return;
    const aboveNext = first.holder === null ? excess : first.bytes - (second?.bytes ?? 0);
    const bytes = Math.max(1, Math.min(excess, aboveNext));
    const dropped = yield { holder: first.holder, bytes };
    excess -= dropped;
    if (dropped === 0) left.delete(first.holder);
    else left.set(first.holder, first.bytes - dropped);
  }
}

/** Of users; only where there are none, of the operator. */
function largestTwo(left: ReadonlyMap<UserId | null, number>): HeldShare[] {
  let largest: HeldShare[] = [];
  for (const [holder, bytes] of left)
    if (holder !== null && (largest.length < 2 || bytes > (largest[1]?.bytes ?? 0)))
      largest = [...largest, { holder, bytes }].sort((a, b) => b.bytes - a.bytes).slice(0, 2);
  const ofOperator = left.get(null);
  return largest.length === 0 && ofOperator !== undefined ? [{ holder: null, bytes: ofOperator }] : largest;
}
