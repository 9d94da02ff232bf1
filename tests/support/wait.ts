/** Waiting with an end: whoever changes something calls `changed`, whoever waits says for what and how long. */
export class Signal {
  readonly #waiting = new Set<() => void>();

  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Fulfilled as soon as the condition holds. @throws when it does not in time; `describe` says what was there */
  until(condition: () => boolean, describe: () => string, withinMs = 30_000): Promise<void> {
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

/** Asks again and again, for what only answers when it is asked. @throws the last failure when the time is over */
export async function eventually<T>(ask: () => Promise<T>, withinMs = 30_000): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() >= end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
