import { setImmediate, setTimeout } from 'node:timers/promises';

/** Turns missed because timers fired late are made up for within this time. */
const CATCH_UP_MS = 50;
const UNEVENNESS = 0.8;

/**
 * Limits the turns a second over all callers. The turns are a little uneven, as the answers of real mail servers are.
 */
export class Pace {
  readonly #intervalMs: number;
  #next = performance.now();

  constructor(
    perSecond: number,
    private readonly signal: AbortSignal,
  ) {
    this.#intervalMs = perSecond === 0 ? 0 : 1000 / perSecond;
  }

  /** Fulfilled when it is the caller's turn. @throws AbortError when the validator stops */
  async turn(): Promise<void> {
    this.signal.throwIfAborted();
    const now = performance.now();
    const mine = Math.max(this.#next, now - CATCH_UP_MS);
    this.#next = mine + this.#intervalMs * (1 + UNEVENNESS * (Math.random() - 0.5));
    // Without a limit the other callers get their turn as well.
    if (mine <= now) await setImmediate(undefined, { signal: this.signal });
    else await setTimeout(mine - now, undefined, { signal: this.signal });
  }
}
