import { Oracle } from './oracle.js';
import { type Message, message, Producer, Unreachable } from './producer.js';
import { mixed, plainResult } from './results.js';

/**
 * Producers that send updates of a few files until the gateway is killed. As with real workers, lists grow, start over,
 * end, end again, and name their file themselves.
 */
export class LoadGenerator {
  readonly oracles = new Map<string, Oracle>();
  answered = 0;
  #tick = 0;
  readonly #done = new Map<string, number>();

  constructor(private readonly seed: number) {}

  /** Sends this many updates in parallel, until the gateway does not answer. */
  async start(url: string, fileIds: readonly string[], atOnce: number): Promise<void> {
    const producer = new Producer(url);
    const worker = async () => {
      for (;;) {
        const fileId = fileIds[this.#chance(fileIds.length)] ?? '';
        if (!(await this.#send(producer, fileId, this.#next(fileId)))) return;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  /** Completes every batch, including those with an update that was stored but not acknowledged. */
  async finish(url: string): Promise<void> {
    const producer = new Producer(url);
    for (const fileId of this.oracles.keys()) {
      for (const batchId of [...this.#done.keys()].filter((id) => id.startsWith(`${fileId}/`)))
        await this.#send(producer, fileId, this.#list(batchId, SIZE, true));
    }
  }

  #next(fileId: string): Message {
    const batchId = `${fileId}/b${this.#chance(BATCHES)}`;
    const done = Math.min(SIZE, (this.#done.get(batchId) ?? 0) + 1 + this.#chance(6));
    const isComplete = done === SIZE;
    // A worker that dies: its batch runs again from the start.
    this.#done.set(batchId, isComplete || this.#chance(12) === 0 ? 0 : done);
    return this.#list(batchId, done, isComplete);
  }

  #list(batchId: string, upTo: number, isComplete: boolean): Message {
    const name = batchId.replaceAll('/', '-');
    const results = Array.from({ length: upTo }, (_, number) => plainResult(name, number));
    return message(batchId, results, { total: SIZE, isComplete });
  }

  async #send(producer: Producer, fileId: string, update: Message): Promise<boolean> {
    const oracle = this.oracles.get(fileId) ?? new Oracle(fileId);
    this.oracles.set(fileId, oracle);
    const answered = oracle.sending(update);
    try {
      await producer.update({ ...update, fileId });
    } catch (error) {
      // A gateway that was killed has not answered. A refusal is an answer, and a failure.
      if (error instanceof Unreachable) return false;
      throw error;
    }
    answered();
    this.answered++;
    oracle.registered({ batches: [{ batchId: update.batchId }] });
    return true;
  }

  #chance(below: number): number {
    return mixed(this.seed, this.#tick++) % below;
  }
}

/** Batches of a file, and addresses of a batch. */
export const BATCHES = 6;
export const SIZE = 40;
