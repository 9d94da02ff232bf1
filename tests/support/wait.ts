/** Waits in tests, with a time limit. */

/** A change is signalled by `changed`, and each waiting call then checks its condition. */
export class Signal {
  readonly #waiting = new Set<() => void>();

  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Fulfilled when the condition holds. @throws after the time limit, with the state that `describe` gives */
  until(condition: () => boolean, describe: () => string, withinMs = 60_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        then();
      };
      const look = () => {
        if (condition()) settle(resolve);
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`waited ${withinMs} ms in vain: ${describe()}`))),
        withinMs,
      );
      this.#waiting.add(look);
      look();
    });
  }
}

/** The pauses between attempts, in milliseconds, grow up to the longest: what takes long would cost others the processor. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 100;

/** Repeats the call until it does not fail. @throws the last failure after the time limit */
export async function retry<T>(ask: () => Promise<T>, withinMs = 60_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.3, LONGEST_PAUSE_MS)) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() >= end) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
