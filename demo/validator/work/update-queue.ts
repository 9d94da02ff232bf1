import type { Publisher } from './publisher.js';
import type { Update } from './update.js';

/**
 * Sends the updates of one batch in order, one at a time. Updates are cumulative: while one is under way or waits for a
 * retry, a newer one replaces those behind it. So the queue stays short while the gateway is away, and the newest
 * update still arrives.
 */
export class UpdateQueue {
  #waiting: Update | null = null;
  #sending: Promise<void> | null = null;

  constructor(private readonly publisher: Publisher) {}

  /** Fulfilled when the gateway has accepted this update or a newer one, or when it never will. */
  offer(update: Update): Promise<void> {
    this.#waiting = newerOf(update, this.#waiting);
    this.#sending ??= this.#send();
    return this.#sending;
  }

  /** Fulfilled when no update is under way. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    let tries = 0;
    for (let update = this.#take(); update !== null && !this.publisher.isOver; update = this.#take()) {
      const answer = await this.publisher.attempt(update);
      if (answer.kind !== 'later') {
        tries = 0;
        continue;
      }
      this.#waiting = this.#waiting === null ? update : newerOf(this.#waiting, update);
      await this.publisher.pause(tries++, answer.retryAfterMs);
    }
    this.#sending = null;
  }

  #take(): Update | null {
    const update = this.#waiting;
    this.#waiting = null;
    return update;
  }
}

/** A complete update is never replaced by a late incomplete one. */
const newerOf = (later: Update, earlier: Update | null): Update =>
  earlier?.isComplete && !later.isComplete ? earlier : later;
