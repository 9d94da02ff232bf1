/** Work that may take longer than the caller of its request can wait: it goes on, and the same request again gets the result. */
import { Fault } from '../errors.js';
import { settledWithin } from '../waiting.js';

interface Work<T> {
  readonly result: Promise<T>;
  /** A caller was told to come back for the result. */
  isOwed: boolean;
}

/** A result is kept this long for a caller who was told to come back. */
const KEEP_MS = 60_000;

/** A proxy gives up on a request after a while, and its client then knows nothing of what became of it. */
export class LongWork<T> {
  readonly #works = new Map<string, Work<T>>();

  constructor(private readonly answerWithinMs: number) {}

  /**
   * Begins the work, or joins that of an earlier request with the same key: of the same caller, for the same thing.
   * `isStillTrue` is asked of the result of an earlier request, because something else may have happened since that came.
   * @throws Fault `unavailable` where the work takes longer
   */
  async run(key: string, begin: () => Promise<T>, isStillTrue: (result: T) => Promise<boolean>): Promise<T> {
    const earlier = this.#works.get(key);
    if (earlier === undefined) return this.#answer(this.#begin(key, begin));
    const result = await this.#answer(earlier);
    if (await isStillTrue(result)) return result;
    if (this.#works.get(key) === earlier) this.#works.delete(key);
    return this.run(key, begin, isStillTrue);
  }

  #begin(key: string, begin: () => Promise<T>): Work<T> {
    const work: Work<T> = { result: begin(), isOwed: false };
    const forget = () => {
      if (this.#works.get(key) === work) this.#works.delete(key);
    };
    this.#works.set(key, work);
    work.result.then(() => (work.isOwed ? void setTimeout(forget, KEEP_MS).unref() : forget()), forget);
    return work;
  }

  async #answer(work: Work<T>): Promise<T> {
    if (await settledWithin(this.answerWithinMs, work.result)) return work.result;
    work.isOwed = true;
    throw new Fault('unavailable', 'this takes longer and goes on: the same request again gets the result', {
      retryAfterSeconds: 1,
    });
  }
}
