/** Generates the updates of one file as several workers of the validator would, until it is stopped. */
import { setTimeout as pause } from 'node:timers/promises';
import { effort } from './effort.js';
import { Oracle } from './oracle.js';
import { type Message, message, pathOf } from './producer.js';
import { mixed, plainResult } from './results.js';
import type { RetryingProducer } from './retrying-producer.js';

/** Sends a message. Fulfilled when its producer has finished with it. */
export type Send = (message: Message) => Promise<void>;

/** Batches that run in parallel, and the addresses of each. */
const OPEN = 4;
const SIZE = 24;
/** Time that a worker needs for a few addresses. */
const WORK_MS = effort(200, 25);

/** Lists grow, start over, are sent twice and end. Batch follows batch, each registered before its updates. */
export class SimulatedWorkers {
  readonly oracle: Oracle;
  sent = 0;
  readonly #open: { batchId: string; done: number }[] = [];
  #registering: Promise<unknown> = Promise.resolve();
  #batches = 0;
  #tick = 0;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    readonly fileId: string,
    private readonly seed: number,
    private readonly producer: RetryingProducer,
    private readonly wire: Send = (update) => producer.update(update),
  ) {
    this.oracle = new Oracle(fileId);
  }

  /** Sends this many messages in parallel. Fulfilled when the first batches are registered. */
  async start(atOnce = 2): Promise<this> {
    while (this.#open.length < OPEN) this.#open.push(await this.#newBatch());
    const worker = async () => {
      while (!this.#isStopping) {
        await this.#sendNext();
        await pause(WORK_MS);
      }
    };
    this.#running = Promise.all(Array.from({ length: atOnce }, worker));
    // `stop` throws it as well; a test that waits for events until then shall say why there are none.
    this.#running.catch((error) => process.stderr.write(`workers of ${this.fileId}: ${error}\n`));
    return this;
  }

  /** Completes every batch. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    for (const batchId of this.oracle.batchIds) await this.#send(this.#list(batchId, SIZE));
  }

  async #sendNext(): Promise<void> {
    const at = this.#chance(OPEN);
    const batch = this.#open[at];
    if (batch === undefined) return;
    batch.done = Math.min(SIZE, batch.done + 1 + this.#chance(5));
    const update = this.#list(batch.batchId, batch.done);
    // A worker that dies: its batch runs again from the start.
    if (this.#chance(12) === 0) batch.done = 0;
    if (update.isComplete) this.#open[at] = await this.#newBatch();
    await this.#send(update);
    if (this.#chance(6) === 0) await this.#send(update);
  }

  #newBatch(): Promise<{ batchId: string; done: number }> {
    const batchId = `${this.fileId}/b${this.#batches++}`;
    const list = { batches: [{ batchId, totalEmails: SIZE }] };
    // One after the other: the order of registration is their order in the file.
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

  async #send(update: Message): Promise<void> {
    const answered = this.oracle.sending(update);
    await this.wire(update);
    answered();
    this.sent++;
  }

  #chance(below: number): number {
    return mixed(this.seed, this.#tick++) % below;
  }
}
