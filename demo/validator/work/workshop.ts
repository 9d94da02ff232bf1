import { setTimeout } from 'node:timers/promises';
import type { ValidatorOptions } from '../options.js';
import { Archive } from './archive.js';
import type { Batch } from './batch.js';
import { FairQueue } from './fair-queue.js';
import { HttpSender } from './http-sender.js';
import { Pace } from './pace.js';
import { Publisher } from './publisher.js';
import { RedisSender } from './redis-sender.js';
import { Run, type Tools } from './run.js';
import type { Sender } from './sender.js';

/** The queue of batches, and the workers that empty it. */
export class Workshop {
  readonly archive = new Archive();
  readonly #stopping = new AbortController();
  readonly #cutOff = new AbortController();
  readonly #queue = new FairQueue<Batch>();
  readonly #runs = new Set<Promise<void>>();
  readonly #sender: Sender;
  readonly #tools: Tools;
  #waiting = 0;

  constructor(private readonly options: ValidatorOptions) {
    const { signal } = this.#stopping;
    this.#sender = options.redis === null ? new HttpSender(options) : new RedisSender(options.redis);
    this.#tools = {
      options,
      signal,
      archive: this.archive,
      pace: new Pace(options.rate, signal),
      publisher: new Publisher(options, this.#sender, this.#cutOff.signal),
    };
  }

  hasRoomFor(emails: number): boolean {
    return !this.#stopping.signal.aborted && this.#waiting + emails <= this.options.maxWaiting;
  }

  /** The batches of one submission, in their order. */
  add(batches: Batch[]): void {
    for (const { emails } of batches) this.#waiting += emails.length;
    this.#queue.add(batches);
    this.#hire();
  }

  /** Lets readers of Redis know which request the batches are of. @throws where nobody could be told */
  group(requestId: string, batchIds: readonly string[]): Promise<void> {
    return this.#sender.group(requestId, batchIds);
  }

  /** Ends the work and brings what is there to the gateway, if it takes it soon. Calling it twice is a no-op. */
  async close(): Promise<void> {
    this.#stopping.abort();
    const done = Promise.all(this.#runs);
    const bell = new AbortController();
    await Promise.race([
      done,
      setTimeout(this.options.graceMs, undefined, { signal: bell.signal }).catch(() => undefined),
    ]);
    bell.abort();
    this.#cutOff.abort();
    this.#sender.close();
    await done;
  }

  #hire(): void {
    while (this.#runs.size < this.options.workers && !this.#stopping.signal.aborted) {
      const batch = this.#queue.take();
      if (batch === undefined) return;
      this.#waiting -= batch.emails.length;
      const run = this.#work(batch).finally(() => {
        this.#runs.delete(run);
        this.#hire();
      });
      this.#runs.add(run);
    }
  }

  async #work(batch: Batch): Promise<void> {
    try {
      await new Run(batch, this.#tools).work();
    } catch (error) {
      this.options.log(`a worker failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
