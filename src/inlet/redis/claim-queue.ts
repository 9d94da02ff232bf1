/** Claims Pub/Sub messages one by one. In a cluster, a shard without an answer holds up only its own, which are tried again. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { REDIS_BACKOFF } from '../../redis/client.js';
import { backoff, pauseUnlessAborted, settledWithin } from '../../waiting.js';
import type { MessageClaims } from './claims.js';

/** `abandoned`: Redis gave no answer before the inlet was closed. */
type NotTaken = 'skipped' | 'abandoned';

interface ClaimQueueDeps {
  readonly claims: MessageClaims;
  readonly closing: AbortSignal;
  readonly onClaimed: (message: Buffer) => void;
  readonly onNotTaken: (message: Buffer, outcome: NotTaken) => void;
}

interface Claimable {
  readonly message: Buffer;
  readonly name: string;
}

/** Later messages wait this long for the answers to earlier ones. A Redis that works answers in a fraction of it. */
const PATIENCE_MS = 50;
const CLAIMED_AT_ONCE = 64;

export class ClaimQueue {
  /** Messages whose claim had no answer, the oldest first. */
  readonly #unanswered: Claimable[] = [];
  /** Claimed messages that were not handed on yet. */
  readonly #claimed: Buffer[] = [];
  readonly #working = new Set<Promise<unknown>>();
  #isRetrying = false;
  #isHandingOn = false;

  constructor(private readonly deps: ClaimQueueDeps) {}

  /** In the order of their arrival. Fulfilled when the next ones may be claimed. */
  async claim(messages: readonly Buffer[]): Promise<void> {
    const named = messages.map((message) => ({ message, name: this.deps.claims.nextClaimKey(message) }));
    await settledWithin(PATIENCE_MS, this.#track(this.#attempt(named, false)));
  }

  /** Fulfilled once nothing is being claimed: after `closing`, every message is either handed on or abandoned. */
  async idle(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  /** Returns how many had no answer. */
  async #attempt(messages: readonly Claimable[], isRetry: boolean): Promise<number> {
    const { claims, onNotTaken } = this.deps;
    const answers = messages.map(async (claimable) => {
      const isOurs = await claims.claim(claimable.name, isRetry).catch(() => null);
      if (isOurs === null) this.#keep(claimable);
      else if (isOurs) this.#handOn(claimable.message);
      else onNotTaken(claimable.message, 'skipped');
      return isOurs;
    });
    return (await Promise.all(answers)).filter((isOurs) => isOurs === null).length;
  }

  #handOn(message: Buffer): void {
    this.#claimed.push(message);
    if (this.#isHandingOn) return;
    this.#isHandingOn = true;
    void this.#track(this.#handOnAll());
  }

  async #handOnAll(): Promise<void> {
    for (let next = this.#claimed.shift(); next !== undefined; next = this.#claimed.shift()) {
      this.deps.onClaimed(next);
      // Reading a message may take half a millisecond: other work gets its turn in between.
      await nextTurn();
    }
    this.#isHandingOn = false;
  }

  #keep(claimable: Claimable): void {
    const { closing, onNotTaken } = this.deps;
    if (closing.aborted) {
      onNotTaken(claimable.message, 'abandoned');
      return;
    }
    this.#unanswered.push(claimable);
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    void this.#track(this.#retry());
  }

  async #retry(): Promise<void> {
    const { closing, onNotTaken } = this.deps;
    for (let failures = 0; this.#unanswered.length > 0 && !closing.aborted; ) {
      await pauseUnlessAborted(backoff(failures, REDIS_BACKOFF), closing);
      if (closing.aborted) break;
      const portion = this.#unanswered.splice(0, CLAIMED_AT_ONCE);
      const without = await this.#attempt(portion, true);
      failures = without === portion.length ? failures + 1 : 0;
    }
    this.#isRetrying = false;
    for (const { message } of this.#unanswered.splice(0)) onNotTaken(message, 'abandoned');
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const done: Promise<unknown> = work.finally(() => this.#working.delete(done));
    this.#working.add(done);
    return work;
  }
}
