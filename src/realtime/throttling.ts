/** Limits on what sockets may send and ask: by the second, and at a time. */

/** What each has sent in this second. It keeps nothing of those that have sent nothing: there may be thousands. */
export class SentThisSecond<K> {
  #counts = new Map<K, number>();
  #second = 0;

  /** Counts one more. @returns how many there are now */
  add(sender: K): number {
    const now = Math.floor(performance.now() / 1000);
    if (now !== this.#second) {
      this.#second = now;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(sender) ?? 0) + 1;
    this.#counts.set(sender, count);
    return count;
  }
}

/** Allows `perSecond` events a second, and as many at once after a quiet second. */
export class TokenBucket {
  #tokens: number;
  #at = performance.now();

  constructor(private readonly perSecond: number) {
    this.#tokens = perSecond;
  }

  take(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.perSecond, this.#tokens + ((now - this.#at) / 1000) * this.perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Runs one task at a time, in order. Its caller handles a task's errors: a rejection is ignored here. */
export class EventQueue {
  /** Null while the queue is empty, to save memory. */
  #last: Promise<unknown> | null = null;
  #waiting = 0;
  #waitingChars = 0;

  /** `maxWaitingChars`: of what the tasks were asked for, together. */
  constructor(
    private readonly maxWaiting: number,
    private readonly maxWaitingChars: number,
  ) {}

  /** `chars`: what the task keeps in memory until its turn. False: the queue is full. One task is always let in. */
  tryAdd(task: () => Promise<void>, chars = 0): boolean {
    if (this.#waiting >= this.maxWaiting) return false;
    if (this.#waiting > 0 && this.#waitingChars + chars > this.maxWaitingChars) return false;
    this.#waiting++;
    this.#waitingChars += chars;
    this.#last = (this.#last ?? Promise.resolve())
      .then(task)
      .finally(() => {
        this.#waitingChars -= chars;
        if (--this.#waiting === 0) this.#last = null;
      })
      .catch(() => undefined);
    return true;
  }
}
