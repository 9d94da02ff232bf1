import { setTimeout as sleep } from 'node:timers/promises';
import type { ValidatorOptions } from '../options.js';
import type { Outcome, Sender } from './sender.js';
import type { Update } from './update.js';

type PublisherOptions = Pick<ValidatorOptions, 'retryMs' | 'log'>;

/** Publishes updates at least once: temporary failures are retried until they pass or `signal` fires. */
export class Publisher {
  #isAway = false;

  constructor(
    private readonly options: PublisherOptions,
    private readonly sender: Sender,
    private readonly signal: AbortSignal,
  ) {}

  get awaitsEach(): boolean {
    return this.sender.awaitsEach;
  }

  /** Sends an update once. A refused update would be refused again, so it is not retried. */
  async attempt(update: Update): Promise<Outcome> {
    const answer = await this.sender.send(update, this.signal);
    const isAway = answer.kind === 'later';
    if (isAway && !this.#isAway && !this.signal.aborted)
      this.options.log(`updates have to wait: ${answer.why}`);
    if (!isAway && this.#isAway) this.options.log('updates are taken again');
    if (answer.kind === 'refused') this.options.log(`an update was refused: ${answer.why}`);
    this.#isAway = isAway;
    return answer;
  }

  /** Waits before the next attempt, longer each time. Ends early when `signal` fires. */
  async pause(tries: number, atLeastMs: number): Promise<void> {
    const [first, longest] = this.options.retryMs;
    const backoff = Math.min(longest, first * 2 ** Math.min(tries, 30));
    // Jitter, so that the workers do not all retry at the same time.
    const delay = Math.max(backoff * (0.5 + Math.random() / 2), atLeastMs);
    await sleep(delay, undefined, { signal: this.signal }).catch(() => undefined);
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }
}
