/** Makes updates as the validator's workers do, and publishes them on Redis. */
import { Redis } from 'ioredis';
import { BATCH } from '../support/dataset.js';
import { updateText } from '../support/updates.js';

const CHANNEL = 'email_validation_results';
const KEPT_SECONDS = 3_600;

/** An update, ready to be published. */
export interface Message {
  readonly batchId: string;
  readonly text: string;
}

/** The updates of a batch: cumulative, each with `step` more results. */
export function messagesOf(batchId: string, first: number, step: number, fileId?: string): Message[] {
  const spec = { batchId, first, total: BATCH, ...(fileId === undefined ? {} : { fileId }) };
  const counts = Array.from({ length: Math.ceil(BATCH / step) }, (_, n) => Math.min(BATCH, (n + 1) * step));
  return counts.map((count) => ({ batchId, text: updateText(spec, count) }));
}

/** Batches that the validator runs in parallel. */
const WORKERS = 16;

/** Each worker publishes all updates of a batch before it takes the next batch; the workers' updates alternate. */
export function interleaved(batches: readonly string[], step: number): Message[] {
  const waiting = batches.map((batchId, index) => messagesOf(batchId, index * BATCH, step));
  const busy = waiting.splice(0, WORKERS);
  const messages: Message[] = [];
  for (let turn = 0; busy.length > 0; turn++) {
    const worker = turn % busy.length;
    const message = busy[worker]?.shift();
    if (message !== undefined) messages.push(message);
    else busy.splice(worker, 1, ...waiting.splice(0, 1));
  }
  return messages;
}

/** As the validator does, it stores each update at a key before it publishes it. */
export class Publisher {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url);
  }

  async publish({ batchId, text }: Message): Promise<void> {
    await this.#redis
      .pipeline()
      .set(`validation_results:${batchId}`, text, 'EX', KEPT_SECONDS)
      .publish(CHANNEL, text)
      .exec();
  }

  /** The subscribers of Redis now: their ids, and the longest output buffer of one of them in bytes. */
  async subscribers(): Promise<{ ids: Set<string>; waitingBytes: number }> {
    const clients = String(await this.#redis.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
    const all = (field: string) =>
      [...clients.matchAll(new RegExp(`\\b${field}=(\\d+)`, 'g'))].flatMap(([, value]) => value ?? []);
    return { ids: new Set(all('id')), waitingBytes: Math.max(0, ...all('omem').map(Number)) };
  }

  end(): void {
    this.#redis.disconnect();
  }
}
