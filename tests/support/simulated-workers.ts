import { setTimeout as pause } from 'node:timers/promises';
import { effort } from './effort.js';
import { Oracle } from './oracle.js';
import type { PatientProducer } from './patient.js';
import { type Message, message, pathOf } from './producer.js';
import { mixed, plainResult } from './results.js';

/** Brings a message on its way; fulfilled when its producer has nothing more to do for it. */
export type Wire = (message: Message) => Promise<void>;

/** Batches that workers are at, at the same time, and the addresses of each. */
const OPEN = 4;
const SIZE = 24;
/** What a worker takes for a few addresses. */
const WORK_MS = effort(60, 25);

/**
 * The updates of one file, in the ways of real workers: lists grow, are begun anew, are said twice, end. It goes on with
 * batch after batch, each registered before, until it is told to stop.
 */
export class Flood {
  readonly oracle: Oracle;
  sent = 0;
  readonly #open: { batchId: string; done: number }[] = [];
  #registering: Promise<unknown> = Promise.resolve();
  #batches = 0;
  #tick = 0;
  #isStopping = false;
  #pouring: Promise<unknown> = Promise.resolve();

  constructor(
    readonly fileId: string,
    private readonly seed: number,
    private readonly producer: PatientProducer,
    private readonly wire: Wire = (news) => producer.update(news),
  ) {
    this.oracle = new Oracle(fileId);
  }

  /** Sends so many messages at a time; fulfilled when the first batches are registered. */
  async pour(atOnce = 2): Promise<this> {
    while (this.#open.length < OPEN) this.#open.push(await this.#newBatch());
    const worker = async () => {
      while (!this.#isStopping) {
        await this.#sendNext();
        await pause(WORK_MS);
      }
    };
    this.#pouring = Promise.all(Array.from({ length: atOnce }, worker));
    // Whoever stops it is told.
    this.#pouring.catch(() => undefined);
    return this;
  }

  /** Brings every batch to its end. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#pouring;
    for (const batchId of this.oracle.batchIds) await this.#send(this.#list(batchId, SIZE));
  }

  async #sendNext(): Promise<void> {
    const at = this.#chance(OPEN);
    const batch = this.#open[at];
    if (batch === undefined) return;
    batch.done = Math.min(SIZE, batch.done + 1 + this.#chance(5));
    const news = this.#list(batch.batchId, batch.done);
    // A worker that dies has its batch run again from nothing.
    if (this.#chance(12) === 0) batch.done = 0;
    if (news.isComplete) this.#open[at] = await this.#newBatch();
    await this.#send(news);
    if (this.#chance(6) === 0) await this.#send(news);
  }

  #newBatch(): Promise<{ batchId: string; done: number }> {
    const batchId = `${this.fileId}/b${this.#batches++}`;
    const list = { batches: [{ batchId, totalEmails: SIZE }] };
    // One after the other: that is their order in the file.
    const registered = this.#registering.then(async () => {
      await this.producer.call(201, 'POST', `${pathOf(this.fileId)}/batches`, list);
      this.oracle.registered(list);
      return { batchId, done: 0 };
    });
    this.#registering = registered.catch(() => undefined);
    return registered;
  }

  #list(batchId: string, upTo: number): Message {
    const name = batchId.replaceAll('/', '-');
    const results = Array.from({ length: upTo }, (_, number) => plainResult(name, number));
    return message(batchId, results, { total: SIZE, isComplete: upTo === SIZE });
  }

  async #send(news: Message): Promise<void> {
    const answered = this.oracle.sending(news);
    await this.wire(news);
    answered();
    this.sent++;
  }

  #chance(below: number): number {
    return mixed(this.seed, this.#tick++) % below;
  }
}
