/** Carries out one thing after the other. What fails is its own matter. */
export class EventQueue {
  /** Null where nothing is under way. */
  #last: Promise<unknown> | null = null;
  #waiting = 0;

  constructor(private readonly atMost: number) {}

  /** False: too much waits already. */
  take(work: () => Promise<void>): boolean {
    if (this.#waiting >= this.atMost) return false;
    this.#waiting++;
    this.#last = (this.#last ?? Promise.resolve())
      .then(work)
      .finally(() => {
        if (--this.#waiting === 0) this.#last = null;
      })
      .catch(() => undefined);
    return true;
  }
}
