/** Cuts what is long into portions. */

import { setImmediate } from 'node:timers/promises';
import { limitConcurrency } from './concurrency-limit.js';

/** A turn of the event loop for one list alone: many that are read or exported at once take as long in a turn as one. */
export const ownTurn = limitConcurrency(1, () => setImmediate());

/** Work goes on for this long before the event loop gets a turn. */
const TURN_MS = 5;

/** Whether work on many items, of which each may be small or large, has gone on for long enough: looked at before each. */
export class WorkTime {
  #since = performance.now();

  get isUp(): boolean {
    return performance.now() - this.#since > TURN_MS;
  }

  async giveTurn(): Promise<void> {
    await ownTurn();
    this.#since = performance.now();
  }
}

/** Portions of at most `size` items. One that fits is not copied; an empty one has no portion. */
export function portions<T>(items: readonly T[], size: number): (readonly T[])[] {
  if (items.length <= size) return items.length === 0 ? [] : [items];
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, n) => items.slice(n * size, (n + 1) * size));
}

/** Items whose handling takes a few milliseconds at most. */
const TURN_ITEMS = 1_000;

/** Portions with a turn of the event loop between them, for others. */
export async function* inTurns<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  let isFirst = true;
  for (const some of portions(items, TURN_ITEMS)) {
    if (!isFirst) await setImmediate();
    isFirst = false;
    yield some;
  }
}

/** Portions of about `size` characters. None ends within a surrogate pair, so each can be encoded by itself. */
export function* textPortions(text: string, size: number): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const at = from + size;
    const to = at < text.length && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800 ? at + 1 : at;
    yield text.slice(from, to);
    from = to;
  }
}
