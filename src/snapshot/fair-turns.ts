/** Does long work one at a time. Callers take turns, and work that several of them wait for is done once. */

interface Work {
  readonly begin: () => Promise<void>;
  readonly done: Promise<void>;
  readonly settle: (done: Promise<void>) => void;
}

export class FairTurns<K> {
  readonly #works = new Map<K, Work>();
  /** What each caller waits for. The caller whose turn is next comes first. */
  readonly #waiting = new Map<string, Set<K>>();
  /** Whose turn the last one was. */
  #last: string | undefined;
  #isRunning = false;

  /** Fulfilled, or rejected, with the work of that key: of an earlier call, where it has not ended. */
  run(caller: string, key: K, begin: () => Promise<void>): Promise<void> {
    const work = this.#works.get(key) ?? workOf(begin);
    this.#works.set(key, work);
    this.#waiting.set(caller, (this.#waiting.get(caller) ?? new Set()).add(key));
    if (!this.#isRunning) void this.#runAll();
    return work.done;
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    for (let key = this.#next(); key !== undefined; key = this.#next()) {
      // Undefined: it was done in the turn of another caller.
      const work = this.#works.get(key);
      if (work === undefined) continue;
      const done = work.begin();
      work.settle(done);
      await done.catch(() => undefined);
      this.#works.delete(key);
    }
    this.#isRunning = false;
  }

  #next(): K | undefined {
    const callers = [...this.#waiting.keys()];
    const caller = callers.find((other) => other !== this.#last) ?? callers[0];
    const keys = caller === undefined ? undefined : this.#waiting.get(caller);
    if (caller === undefined || keys === undefined) return undefined;
    this.#last = caller;
    this.#waiting.delete(caller);
    const [key] = keys;
    keys.delete(key as K);
    // Behind all others.
    if (keys.size > 0) this.#waiting.set(caller, keys);
    return key;
  }
}

function workOf(begin: () => Promise<void>): Work {
  let settle: Work['settle'] = () => undefined;
  const done = new Promise<void>((resolve) => {
    settle = resolve;
  });
  // It fails where it is awaited; its requests may have gone by then.
  done.catch(() => undefined);
  return { begin, done, settle };
}
