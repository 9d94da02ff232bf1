/** Has each claimed Pub/Sub message stored: at once where the store is there, else again until it is stored or a dead letter. */

import { limitConcurrency } from '../../concurrency-limit.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { backoff, pauseUnlessAborted } from '../../waiting.js';
import type { MessageProcessor } from './message-processor.js';
import { NewestMessages, type WaitingMessage } from './newest-messages.js';

const CONCURRENT_RETRIES = 8;

/**
 * While the store is away, the newest message of each batch waits, and one message at a time finds out whether the store is
 * back. Messages that arrive meanwhile wait without an attempt.
 */
export class RetryQueue {
  readonly #inProgress = new Set<Promise<unknown>>();
  #isStoreAway = false;
  #isRetrying = false;

  constructor(
    private readonly processor: Pick<MessageProcessor, 'process' | 'count'>,
    private readonly closing: AbortSignal,
    /** Called with the bytes of each message that is done with. */
    private readonly onReleased: (bytes: number) => void,
    private readonly waiting = new NewestMessages(),
  ) {}

  take(bytes: Uint8Array): void {
    const message = { bytes, failures: 0 };
    if (this.#isStoreAway) this.#keep(message);
    else this.#track(this.#try(message));
  }

  /** Fulfilled once no attempt is in progress; returns how many messages could not be stored before `closing`. */
  async idle(): Promise<number> {
    while (this.#inProgress.size > 0) await Promise.all(this.#inProgress);
    return this.waiting.size;
  }

  async #try(message: WaitingMessage): Promise<void> {
    const outcome = await this.processor.process(message.bytes, message.failures);
    this.#isStoreAway = outcome === 'outage';
    if (outcome === 'done') this.onReleased(message.bytes.byteLength);
    else this.#keep({ ...message, failures: message.failures + Number(outcome === 'failure') });
  }

  #keep(message: WaitingMessage): void {
    const dropped = this.waiting.add(message);
    if (dropped !== null) {
      this.processor.count('conflated');
      this.onReleased(dropped.bytes.byteLength);
    }
    if (this.#isRetrying || this.closing.aborted) return;
    this.#isRetrying = true;
    this.#track(this.#retry());
  }

  async #retry(): Promise<void> {
    const tryAgain = limitConcurrency(CONCURRENT_RETRIES, async (message: WaitingMessage) =>
      this.#isStoreAway ? this.#keep(message) : this.#try(message),
    );
    for (let rounds = 0; this.waiting.size > 0 && !this.closing.aborted; rounds++) {
      await pauseUnlessAborted(backoff(rounds, REDIS_BACKOFF), this.closing);
      const [first, ...others] = this.waiting.takeAll();
      if (first === undefined) break;
      await this.#try(first);
      if (!this.#isStoreAway) rounds = 0;
      await Promise.all(others.map(tryAgain));
    }
    this.#isRetrying = false;
  }

  #track(attempt: Promise<void>): void {
    const done = attempt.finally(() => this.#inProgress.delete(done));
    this.#inProgress.add(done);
  }
}
