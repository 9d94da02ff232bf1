/** What each caller has of something that all share. */
export class CallerShares {
  readonly #ofCaller = new Map<string, number>();
  #all = 0;

  constructor(private readonly max: number) {}

  get all(): number {
    return this.#all;
  }

  of(caller: string): number {
    return this.#ofCaller.get(caller) ?? 0;
  }

  /** The most that one caller gets: half of what the others leave, so that a few who take all they get keep out no other. */
  mostOf(caller: string): number {
    return (this.max - (this.#all - this.of(caller))) / 2;
  }

  /** Whether so much more is within what the caller gets. */
  fits(caller: string, amount: number): boolean {
    return this.of(caller) + amount <= this.mostOf(caller);
  }

  /** A negative amount is given back. */
  add(caller: string, amount: number): void {
    this.#all += amount;
    const own = this.of(caller) + amount;
    if (own === 0) this.#ofCaller.delete(caller);
    else this.#ofCaller.set(caller, own);
  }
}
