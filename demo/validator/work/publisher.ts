import { setTimeout as sleep } from 'node:timers/promises';
import type { ValidatorOptions } from '../options.js';
import type { Answer, Sender } from './sender.js';
import type { Update } from './update.js';

type PublisherOptions = Pick<ValidatorOptions, 'retryMs' | 'log'>;

/** Brings updates to the gateways, at least once: whatever may go away is tried again until it does, or until `signal`. */
export class Publisher {
  #isAway = false;

  constructor(
    private readonly options: PublisherOptions,
    private readonly sender: Sender,
    private readonly signal: AbortSignal,
  ) {}

  get takesEach(): boolean {
    return this.sender.takesEach;
  }

  /** One try. What it refuses would be refused the next time too. */
  async attempt(update: Update): Promise<Answer> {
    const answer = await this.sender.send(update, this.signal);
    const isAway = answer.kind === 'later';
    if (isAway && !this.#isAway && !this.signal.aborted)
      this.options.log(`updates have to wait: ${answer.why}`);
    if (!isAway && this.#isAway) this.options.log('updates are taken again');
    if (answer.kind === 'refused') this.options.log(`an update was refused: ${answer.why}`);
    this.#isAway = isAway;
    return answer;
  }

  /** Waits before the next try, longer each time; not as long as it takes when everything is over. */
  async pause(tries: number, atLeastMs: number): Promise<void> {
    const [first, longest] = this.options.retryMs;
    const backoff = Math.min(longest, first * 2 ** Math.min(tries, 30));
    // Uneven, so that the workers do not come back all at once.
    const delay = Math.max(backoff * (0.5 + Math.random() / 2), atLeastMs);
    await sleep(delay, undefined, { signal: this.signal }).catch(() => undefined);
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }
}
