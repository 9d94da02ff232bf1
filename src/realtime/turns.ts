/** Carries out one thing after the other. What fails is its own matter. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(private readonly atMost: number) {}

  /** False: too much waits already. */
  take(work: () => Promise<void>): boolean {
    if (this.#waiting >= this.atMost) return false;
    this.#waiting++;
    this.#last = this.#last
      .then(work)
      .finally(() => this.#waiting--)
      .catch(() => undefined);
    return true;
  }
}
