import { setTimeout } from 'node:timers/promises';
import type { ValidatorOptions } from '../options.js';
import { Archive } from './archive.js';
import type { Batch } from './batch.js';
import { HttpSender } from './http-sender.js';
import { Pace } from './pace.js';
import { Publisher } from './publisher.js';
import { RedisSender } from './redis-sender.js';
import { Run, type RunContext } from './run.js';
import type { Sender } from './sender.js';

/** The workers of the simulated validator, and the queue of batches that they take from. */
export class WorkerPool {
  readonly archive = new Archive();
  readonly #stopping = new AbortController();
  readonly #cutOff = new AbortController();
  readonly #queue = new FairQueue<Batch>();
  readonly #runs = new Set<Promise<void>>();
  readonly #sender: Sender;
  readonly #context: RunContext;
  #waiting = 0;

  constructor(private readonly options: ValidatorOptions) {
    const { signal } = this.#stopping;
    this.#sender = options.redis === null ? new HttpSender(options) : new RedisSender(options.redis);
    this.#context = {
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

  /** Queues the batches of one submission, in order. */
  add(batches: Batch[]): void {
    for (const { emails } of batches) this.#waiting += emails.length;
    this.#queue.add(batches);
    this.#startWorkers();
  }

  /** Publishes which request the batches belong to. @throws if it could not be published */
  group(requestId: string, batchIds: readonly string[]): Promise<void> {
    return this.#sender.group(requestId, batchIds);
  }

  /** Stops the workers and gives their last updates some time to reach the gateway. Calling it twice is a no-op. */
  async close(): Promise<void> {
    this.#stopping.abort();
    const done = Promise.all(this.#runs);
    const timer = new AbortController();
    await Promise.race([
      done,
      setTimeout(this.options.graceMs, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
    timer.abort();
    this.#cutOff.abort();
    this.#sender.close();
    await done;
  }

  #startWorkers(): void {
    while (this.#runs.size < this.options.workers && !this.#stopping.signal.aborted) {
      const batch = this.#queue.take();
      if (batch === undefined) return;
      this.#waiting -= batch.emails.length;
      const run = this.#work(batch).finally(() => {
        this.#runs.delete(run);
        this.#startWorkers();
      });
      this.#runs.add(run);
    }
  }

  async #work(batch: Batch): Promise<void> {
    try {
      await new Run(batch, this.#context).work();
    } catch (error) {
      this.options.log(`a worker failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/**
 * A queue of lists that takes an item of each list in turn. So a short list submitted after a long one does not wait
 * until the long one is done.
 */
export class FairQueue<T> {
  readonly #lists: T[][] = [];

  /** The queue takes ownership of the list. */
  add(list: T[]): void {
    if (list.length > 0) this.#lists.push(list.reverse());
  }

  take(): T | undefined {
    const list = this.#lists.shift();
    const item = list?.pop();
    if (list !== undefined && list.length > 0) this.#lists.push(list);
    return item;
  }
}
