/** Counts the submissions under way, so that those which go on without their callers are bounded. */
import { CallerShares } from '../caller-shares.js';
import { Fault } from '../errors.js';

export class Places {
  readonly #shares: CallerShares;

  constructor(max: number) {
    this.#shares = new CallerShares(max);
  }

  /** Counts one until the returned function is called. @throws Fault `unavailable` where there is no place for it now */
  take(caller: string): () => void {
    if (!this.#shares.fits(caller, 1))
      throw new Fault('unavailable', 'too many submissions are still being registered', {
        retryAfterSeconds: 1,
      });
    return this.add(caller);
  }

  /** The same for one that cannot be refused any more. */
  add(caller: string): () => void {
    this.#shares.add(caller, 1);
    return () => this.#shares.add(caller, -1);
  }
}
