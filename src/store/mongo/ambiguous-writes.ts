/** Remembers the writes that MongoDB did not answer: they may have been stored, and then they must still be announced. */
import { isAmbiguous } from './errors.js';

/** More are unlikely. Of one that is forgotten, the announcement waits for the sweep of the outbox. */
const MAX_REMEMBERED = 10_000;

/**
 * Remembers the writes that the database gave no answer to: they may have been stored. The next try then finds nothing to
 * change, and would take the change for one that another gateway announces.
 */
export class AmbiguousWrites {
  readonly #keys = new Set<string>();

  /** `changed` corrects the answer where an earlier try may have changed something. */
  async run<T>(key: string, write: () => Promise<T>, changed: (answer: T) => T): Promise<T> {
    try {
      const answer = await write();
      return this.#keys.delete(key) ? changed(answer) : answer;
    } catch (error) {
      if (isAmbiguous(error) && this.#keys.size < MAX_REMEMBERED) this.#keys.add(key);
      throw error;
    }
  }
}
