/** The time that the gateway stamps things with: it follows the wall clock, and never goes back. */

/**
 * Where the wall clock is set back, this clock goes on a little slower than real time until the wall clock has caught up:
 * times never go back, and what is measured between two of them is wrong by this share at most.
 */
const SLOWER_BY = 0.1;

export class Clock {
  #last: number;
  #readAt: number;

  constructor(
    private readonly wall: () => number = () => Date.now(),
    private readonly monotonic: () => number = () => performance.now(),
  ) {
    this.#last = wall();
    this.#readAt = monotonic();
  }

  /** Milliseconds since 1970, whole ones. */
  now(): number {
    const readAt = this.monotonic();
    const elapsed = readAt - this.#readAt;
    this.#readAt = readAt;
    this.#last = Math.max(this.wall(), this.#last + elapsed * (1 - SLOWER_BY));
    return Math.floor(this.#last);
  }

  date(): Date {
    return new Date(this.now());
  }
}

/** One for the whole process: what one part has stamped is never later than what another part stamps after it. */
export const clock = new Clock();
