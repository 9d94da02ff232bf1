/** Cuts what is long into portions. */

import { setImmediate as nextTurn } from 'node:timers';
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

/** Lets callers continue in one turn of the event loop until they have done as much as `perTurn`, the others in later turns, in order. */
export class TurnLimit {
  readonly #waiting: { readonly amount: number; readonly resolve: () => void }[] = [];
  #left: number;
  #isScheduled = false;

  constructor(private readonly perTurn: number) {
    this.#left = perTurn;
  }

  /** `amount`: what the caller is about to do. More than a turn has is done in a turn of its own. */
  async wait(amount = 1): Promise<void> {
    this.#schedule();
    if (this.#left > 0) this.#left -= amount;
    else await new Promise<void>((resolve) => this.#waiting.push({ amount, resolve }));
  }

  /** Does something to each item, to as many in one turn as a turn has. */
  async each<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
    for (const some of portions(items, this.perTurn)) {
      await this.wait(some.length);
      for (const item of some) work(item);
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    nextTurn(() => {
      this.#isScheduled = false;
      this.#left = this.perTurn;
      const next = this.#waiting.findIndex(({ amount }) => {
        const isLater = this.#left <= 0;
        if (!isLater) this.#left -= amount;
        return isLater;
      });
      const now = this.#waiting.splice(0, next === -1 ? this.#waiting.length : next);
      if (this.#waiting.length > 0) this.#schedule();
      for (const { resolve } of now) resolve();
    });
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
