import type { ValidatorOptions, Vices } from '../options.js';
import type { Flags } from '../verdict/findings.js';
import { type Result, timestamp } from '../verdict/result.js';
import { verdictOn } from '../verdict/verdict.js';
import type { Archive } from './archive.js';
import type { Batch } from './batch.js';
import { Outbox } from './outbox.js';
import type { Pace } from './pace.js';
import type { Publisher } from './publisher.js';
import { Ledger, type Update } from './update.js';
import { type Plan, planOf, withSurrogates } from './vices.js';

export interface Tools {
  readonly options: Pick<ValidatorOptions, 'publishEvery' | 'vices' | 'seed'>;
  readonly pace: Pace;
  readonly publisher: Publisher;
  readonly archive: Archive;
  /** Fires when the work is to be left as it is. */
  readonly signal: AbortSignal;
}

export function validate(email: string, flags: Flags, vices: Vices): Result {
  return withSurrogates(verdictOn(email, flags, timestamp()), vices);
}

/** One worker's work at one batch: address by address, with an update every few of them and a complete one at the end. */
export class Run {
  readonly #plan: Plan;
  readonly #outbox: Outbox;
  #ledger: Ledger;
  #told = 0;
  #tells = 0;
  /** An update that the next one is to overtake. */
  #held: Update | null = null;

  constructor(
    private readonly batch: Batch,
    private readonly tools: Tools,
    private readonly isRival = false,
  ) {
    const { vices, seed, publishEvery } = tools.options;
    this.#plan = planOf(batch, vices, seed, publishEvery);
    this.#outbox = new Outbox(tools.publisher);
    this.#ledger = this.#newLedger();
  }

  /** Fulfilled when the gateway has all of it: a worker that went on would leave more and more behind it. */
  async work(): Promise<void> {
    if (this.#plan.hasRival && !this.isRival) {
      await Promise.all([this.#work(), new Run(this.batch, this.tools, true).#work()]);
    } else await this.#work();
  }

  async #work(): Promise<void> {
    const { rounds, ends, reruns } = this.#plan;
    try {
      for (const upTo of rounds) await this.#round(upTo);
      if (ends) await this.#tell(true);
      if (reruns) {
        await this.#round(this.batch.emails.length);
        await this.#tell(true);
      }
    } catch (error) {
      if (!this.tools.signal.aborted) throw error;
      // Verdicts that are there are not thrown away.
      if (this.#ledger.count > this.#told) await this.#tell(false);
    }
    await this.#outbox.flushed();
  }

  async #round(upTo: number): Promise<void> {
    // Whatever an earlier round has told is to arrive before it is taken back.
    await this.#outbox.flushed();
    this.#ledger = this.#newLedger();
    this.#told = 0;
    const { emails, flags } = this.batch;
    const { publishEvery, vices } = this.tools.options;
    for (const [index, email] of emails.slice(0, upTo).entries()) {
      await this.tools.pace.turn();
      if (index !== this.#plan.hole) this.#ledger.add(validate(email, flags, vices));
      const done = index + 1;
      if (done % publishEvery === 0 || done === emails.length) await this.#tell(false);
    }
  }

  async #tell(isComplete: boolean): Promise<void> {
    const update = this.#ledger.update(isComplete);
    this.#told = update.processedCount;
    this.tools.archive.keep(update);
    if (this.#plan.gaps && !isComplete && this.#tells++ % 2 === 1) return;
    if (this.#plan.shuffles) await this.#tellShuffled(update);
    else if (this.#plan.repeats) await this.#tellTwice(update);
    else await this.#tellOnce(update);
  }

  async #tellOnce(update: Update): Promise<void> {
    const taken = this.#outbox.offer(update);
    if (this.tools.publisher.takesEach) await taken;
  }

  async #tellTwice(update: Update): Promise<void> {
    await this.#outbox.offer(update);
    await this.#outbox.offer(update);
  }

  async #tellShuffled(update: Update): Promise<void> {
    const held = this.#held;
    this.#held = held === null && !update.isComplete ? update : null;
    if (this.#held !== null) return;
    await this.#outbox.offer(update);
    if (held !== null) await this.#outbox.offer(held);
  }

  #newLedger(): Ledger {
    return new Ledger(this.batch.batchId, this.batch.emails.length);
  }
}
