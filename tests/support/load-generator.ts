import { Oracle } from './oracle.js';
import { type Message, message, Producer, Unreachable } from './producer.js';
import { mixed, plainResult } from './results.js';

/**
 * Producers that pour updates of a few files into a gateway until it is gone, in the ways of real workers: lists grow,
 * are begun anew, end, end again, and name their file themselves.
 */
export class Torrent {
  readonly oracles = new Map<string, Oracle>();
  answered = 0;
  #tick = 0;
  readonly #done = new Map<string, number>();

  constructor(private readonly seed: number) {}

  /** Sends so many at a time; ends when nobody answers any more. */
  async pour(url: string, fileIds: readonly string[], atOnce: number): Promise<void> {
    const producer = new Producer(url);
    const worker = async () => {
      for (;;) {
        const fileId = fileIds[this.#chance(fileIds.length)] ?? '';
        if (!(await this.#send(producer, fileId, this.#next(fileId)))) return;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  /** Brings every batch to its end: those as well of which an update may have been stored and not answered. */
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
    // A worker that dies has its batch run again from nothing.
    this.#done.set(batchId, isComplete || this.#chance(12) === 0 ? 0 : done);
    return this.#list(batchId, done, isComplete);
  }

  #list(batchId: string, upTo: number, isComplete: boolean): Message {
    const name = batchId.replaceAll('/', '-');
    const results = Array.from({ length: upTo }, (_, number) => plainResult(name, number));
    return message(batchId, results, { total: SIZE, isComplete });
  }

  async #send(producer: Producer, fileId: string, news: Message): Promise<boolean> {
    const oracle = this.oracles.get(fileId) ?? new Oracle(fileId);
    this.oracles.set(fileId, oracle);
    const answered = oracle.sending(news);
    try {
      await producer.update({ ...news, fileId });
    } catch (error) {
      // A gateway that is gone has answered nothing; one that refuses has.
      if (error instanceof Unreachable) return false;
      throw error;
    }
    answered();
    this.answered++;
    oracle.registered({ batches: [{ batchId: news.batchId }] });
    return true;
  }

  #chance(below: number): number {
    return mixed(this.seed, this.#tick++) % below;
  }
}

/** Batches of a file, and addresses of a batch. */
export const BATCHES = 6;
export const SIZE = 40;
