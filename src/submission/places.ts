/** Counts the submissions under way, so that those which go on without their callers are bounded. */
import { Fault } from '../errors.js';

export class Places {
  readonly #ofCaller = new Map<string, number>();
  #all = 0;

  constructor(private readonly max: number) {}

  /**
   * Counts one until the returned function is called. The most that one caller gets is half of what the others leave.
   * @throws Fault `unavailable` where there is no place for it now
   */
  take(caller: string): () => void {
    const own = this.#ofCaller.get(caller) ?? 0;
    if (own + 1 > (this.max - (this.#all - own)) / 2)
      throw new Fault('unavailable', 'too many submissions are still being registered', {
        retryAfterSeconds: 1,
      });
    return this.add(caller);
  }

  /** The same for one that cannot be refused any more. */
  add(caller: string): () => void {
    this.#count(caller, 1);
    return () => this.#count(caller, -1);
  }

  #count(caller: string, change: number): void {
    this.#all += change;
    const own = (this.#ofCaller.get(caller) ?? 0) + change;
    if (own === 0) this.#ofCaller.delete(caller);
    else this.#ofCaller.set(caller, own);
  }
}
