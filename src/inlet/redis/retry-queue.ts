import { backoff, pauseUnlessAborted } from '../../backoff.js';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { limitConcurrency } from '../../redis/concurrency-limit.js';
import type { MessageProcessor } from './message-processor.js';
import { NewestMessages, type RetainedMessage } from './newest-messages.js';

const TRIES_AT_ONCE = 8;

/**
 * Brings messages to the store or the dead letters. While the store is away it keeps the newest of each batch, and one
 * try after the other tells when it is back, instead of every message that comes.
 */
export class RetryQueue {
  readonly #retained = new NewestMessages();
  readonly #atWork = new Set<Promise<unknown>>();
  #isAway = false;
  #retrying = false;

  constructor(
    private readonly processor: MessageProcessor,
    private readonly closing: AbortSignal,
    /** Told how many bytes are not needed any more. */
    private readonly released: (bytes: number) => void,
  ) {}

  take(bytes: Uint8Array): void {
    const message = { bytes, failures: 0 };
    if (this.#isAway) this.#keep(message);
    else this.#work(this.#try(message));
  }

  /** Fulfilled once everything is settled, or was tried a last time after the closing; how many messages were not. */
  async idle(): Promise<number> {
    while (this.#atWork.size > 0) await Promise.all(this.#atWork);
    return this.#retained.size;
  }

  async #try({ bytes, failures }: RetainedMessage): Promise<void> {
    const outcome = await this.processor.process(bytes, failures);
    this.#isAway = outcome === 'outage';
    if (outcome === 'settled') this.released(bytes.byteLength);
    else this.#keep({ bytes, failures: failures + Number(outcome === 'failure') });
  }

  #keep(message: RetainedMessage): void {
    const needless = this.#retained.add(message);
    if (needless !== null) {
      this.processor.count('conflated');
      this.released(needless.bytes.byteLength);
    }
    if (this.#retrying || this.closing.aborted) return;
    this.#retrying = true;
    this.#work(this.#retry());
  }

  async #retry(): Promise<void> {
    const again = limitConcurrency(TRIES_AT_ONCE, async (message: RetainedMessage) =>
      this.#isAway ? this.#keep(message) : this.#try(message),
    );
    for (let rounds = 0; this.#retained.size > 0 && !this.closing.aborted; rounds++) {
      await pauseUnlessAborted(backoff(rounds, REDIS_BACKOFF), this.closing);
      const [first, ...others] = this.#retained.takeAll();
      if (first === undefined) break;
      await this.#try(first);
      if (!this.#isAway) rounds = 0;
      await Promise.all(others.map(again));
    }
    this.#retrying = false;
  }

  #work(work: Promise<void>): void {
    const done = work.finally(() => this.#atWork.delete(done));
    this.#atWork.add(done);
  }
}
