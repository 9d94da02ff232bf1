import { onTeardown } from './teardown.js';

/** Counts the turns of the event loop, until it is stopped or the test is over. */
export class Turns {
  count = 0;
  #next = setImmediate(() => this.#turn());

  constructor() {
    onTeardown(() => this.stop());
  }

  stop(): void {
    clearImmediate(this.#next);
  }

  #turn(): void {
    this.count++;
    this.#next = setImmediate(() => this.#turn());
  }
}
