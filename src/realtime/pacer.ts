/** Lets so many go on in one turn of the event loop, and the others in the next ones, in order. */
export class Pacer {
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #isArmed = false;

  constructor(private readonly perTurn: number) {
    this.#left = perTurn;
  }

  async go(): Promise<void> {
    this.#arm();
    if (this.#left > 0) this.#left--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      const next = this.#waiting.splice(0, this.perTurn);
      this.#left = this.perTurn - next.length;
      if (this.#waiting.length > 0) this.#arm();
      for (const resolve of next) resolve();
    });
  }
}
