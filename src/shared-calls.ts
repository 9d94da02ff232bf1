/** Shares a call among all who ask for the same before it begins, instead of making it for each of them. */

interface Calls<T> {
  now: Promise<T>;
  next: Promise<T> | null;
}

/** By what the calls are about. */
export class SharedCalls<K, T> {
  readonly #calls = new Map<K, Calls<T>>();

  /** The result of a call that begins now or later: one in progress may be older than what this caller knows of. */
  run(key: K, call: () => Promise<T>): Promise<T> {
    const calls = this.#calls.get(key);
    if (calls === undefined) {
      const now = call().finally(() => this.#calls.delete(key));
      this.#calls.set(key, { now, next: null });
      return now;
    }
    calls.next ??= calls.now.then(
      () => this.run(key, call),
      () => this.run(key, call),
    );
    return calls.next;
  }
}
