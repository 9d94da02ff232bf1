import { setImmediate, setTimeout } from 'node:timers/promises';

/** Turns that were missed, by timers that come late, are made up for within this time. */
const CATCH_UP_MS = 50;
const UNEVENNESS = 0.8;

/** Shares so many turns a second among all who ask, a little unevenly, like mail servers that answer when they like. */
export class Pace {
  readonly #intervalMs: number;
  #next = performance.now();

  constructor(
    perSecond: number,
    private readonly signal: AbortSignal,
  ) {
    this.#intervalMs = perSecond === 0 ? 0 : 1000 / perSecond;
  }

  /** Fulfilled when it is the caller's turn. @throws AbortError when there are no more turns */
  async turn(): Promise<void> {
    this.signal.throwIfAborted();
    const now = performance.now();
    const mine = Math.max(this.#next, now - CATCH_UP_MS);
    this.#next = mine + this.#intervalMs * (1 + UNEVENNESS * (Math.random() - 0.5));
    // Without a limit too, everybody else gets their turn in between.
    if (mine <= now) await setImmediate(undefined, { signal: this.signal });
    else await setTimeout(mine - now, undefined, { signal: this.signal });
  }
}
