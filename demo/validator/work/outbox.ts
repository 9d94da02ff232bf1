import type { Publisher } from './publisher.js';
import type { Update } from './update.js';

/**
 * The way of one batch's updates to the gateway: one after the other, in the order in which they are offered. While one
 * is on its way, or has to wait, a newer one takes the place of those behind it, as updates are cumulative; so nothing
 * piles up, however long the gateway is away, and what was found out last arrives.
 */
export class Outbox {
  #waiting: Update | null = null;
  #sending: Promise<void> | null = null;

  constructor(private readonly publisher: Publisher) {}

  /** Fulfilled when the gateway has taken this update, or a newer one; or when it will never be. */
  offer(update: Update): Promise<void> {
    this.#waiting = newerOf(update, this.#waiting);
    this.#sending ??= this.#send();
    return this.#sending;
  }

  /** Fulfilled when nothing is under way. */
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

/** A complete list is not given up for the late news of an incomplete one. */
const newerOf = (later: Update, earlier: Update | null): Update =>
  earlier?.isComplete && !later.isComplete ? earlier : later;
