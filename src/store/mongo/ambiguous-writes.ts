import { isAmbiguous } from './errors.js';

/** More are unlikely, and forgetting one costs its announcement its haste. */
const MAX_REMEMBERED = 10_000;

/**
 * Remembers what was written without an answer: it may have been stored. Whoever tries again finds nothing to change
 * then, and would take that for news of somebody else who announces it.
 */
export class AmbiguousWrites {
  readonly #keys = new Set<string>();

  /** Carries out a write; `changed` puts its answer right where an earlier try may have changed something. */
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
