import type { Faults, ValidatorOptions } from '../options.js';
import type { Flags } from '../verdict/findings.js';
import { type Result, timestamp } from '../verdict/result.js';
import { verdictOn } from '../verdict/verdict.js';
import type { Archive } from './archive.js';
import type { Batch } from './batch.js';
import { type Plan, planOf, withSurrogates } from './faults.js';
import type { Pace } from './pace.js';
import type { Publisher } from './publisher.js';
import { BatchResults, type Update } from './update.js';
import { UpdateQueue } from './update-queue.js';

export interface RunContext {
  readonly options: Pick<ValidatorOptions, 'publishEvery' | 'faults' | 'seed'>;
  readonly pace: Pace;
  readonly publisher: Publisher;
  readonly archive: Archive;
  /** Fires when the work must stop. */
  readonly signal: AbortSignal;
}

export function validate(email: string, flags: Flags, faults: Faults): Result {
  return withSurrogates(verdictOn(email, flags, timestamp()), faults);
}

/** One worker's run of a batch: address by address, with an update every few of them and a complete one at the end. */
export class Run {
  readonly #plan: Plan;
  readonly #queue: UpdateQueue;
  #results: BatchResults;
  #published = 0;
  #updates = 0;
  /** An update that waits until the next one has overtaken it. */
  #delayed: Update | null = null;

  constructor(
    private readonly batch: Batch,
    private readonly context: RunContext,
    private readonly isRival = false,
  ) {
    const { faults, seed, publishEvery } = context.options;
    this.#plan = planOf(batch, faults, seed, publishEvery);
    this.#queue = new UpdateQueue(context.publisher);
    this.#results = this.#newResults();
  }

  /**
   * Fulfilled when the gateway has all updates. A worker does not start its next batch before: updates would pile up.
   */
  async work(): Promise<void> {
    if (this.#plan.hasRival && !this.isRival) {
      await Promise.all([this.#work(), new Run(this.batch, this.context, true).#work()]);
    } else await this.#work();
  }

  async #work(): Promise<void> {
    const { rounds, ends, reruns } = this.#plan;
    try {
      for (const upTo of rounds) await this.#round(upTo);
      if (ends) await this.#publish(true);
      if (reruns) {
        await this.#round(this.batch.emails.length);
        await this.#publish(true);
      }
    } catch (error) {
      if (!this.context.signal.aborted) throw error;
      // Results that are not published yet are not lost.
      if (this.#results.count > this.#published) await this.#publish(false);
    }
    await this.#queue.flushed();
  }

  async #round(upTo: number): Promise<void> {
    // The updates of an earlier round must arrive before the batch starts over.
    await this.#queue.flushed();
    this.#results = this.#newResults();
    this.#published = 0;
    const { emails, flags } = this.batch;
    const { publishEvery, faults } = this.context.options;
    for (const [index, email] of emails.slice(0, upTo).entries()) {
      await this.context.pace.turn();
      if (index !== this.#plan.hole) this.#results.add(validate(email, flags, faults));
      const done = index + 1;
      if (done % publishEvery === 0 || done === emails.length) await this.#publish(false);
    }
  }

  async #publish(isComplete: boolean): Promise<void> {
    const update = this.#results.update(isComplete);
    this.#published = update.processedCount;
    this.context.archive.keep(update);
    if (this.#plan.gaps && !isComplete && this.#updates++ % 2 === 1) return;
    if (this.#plan.shuffles) await this.#publishOutOfOrder(update);
    else if (this.#plan.repeats) await this.#publishTwice(update);
    else await this.#publishOnce(update);
  }

  async #publishOnce(update: Update): Promise<void> {
    const taken = this.#queue.offer(update);
    if (this.context.publisher.awaitsEach) await taken;
  }

  async #publishTwice(update: Update): Promise<void> {
    await this.#queue.offer(update);
    await this.#queue.offer(update);
  }

  async #publishOutOfOrder(update: Update): Promise<void> {
    const delayed = this.#delayed;
    this.#delayed = delayed === null && !update.isComplete ? update : null;
    if (this.#delayed !== null) return;
    await this.#queue.offer(update);
    if (delayed !== null) await this.#queue.offer(delayed);
  }

  #newResults(): BatchResults {
    return new BatchResults(this.batch.batchId, this.batch.emails.length);
  }
}
