/** Has a job done by a thread of its own, and gives it the bytes of the list. */
import { Worker } from 'node:worker_threads';
import type { ByteSource } from '../byte-source.js';
import type { Item, JobInput, JobName } from '../jobs.js';
import { LIST_LIMITS, type ListLimits } from '../limits.js';
import { type FromThread, type ThreadTask, type ToThread, thrownBy } from './messages.js';

/** Rows die young: more room for them costs memory and saves no time. */
const YOUNG_MB = 8;

/** The items of the job. The thread ends with the last one, with an error, and when its caller wants no more. */
export async function* inThread<J extends JobName>(
  job: J,
  source: ByteSource,
  limits: ListLimits,
  input: JobInput<J>,
): AsyncGenerator<Item<J>, void, void> {
  // The limits may be a part of the configuration, whose secrets stay here.
  const own = Object.fromEntries(LIST_LIMITS.map((name) => [name, limits[name]])) as unknown as ListLimits;
  const task: ThreadTask = { job, input, size: source.size, limits: own };
  const thread = new ListThread(source, task);
  try {
    for (let item = await thread.next(); item !== null; item = await thread.next())
      yield item.value as Item<J>;
  } finally {
    await thread.close();
  }
}

class ListThread {
  readonly #worker: Worker;
  readonly #readings = new Map<number, AsyncIterator<Uint8Array>>();
  readonly #items: { readonly value: unknown }[] = [];
  #sourceError: unknown;
  #end: { readonly error: unknown } | null = null;
  #onNews: () => void = () => undefined;

  constructor(
    private readonly source: ByteSource,
    task: ThreadTask,
  ) {
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: task,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#ended(error));
    this.#worker.on('exit', () => this.#ended(new Error('the thread that read a list has ended')));
  }

  /** Null: there are no more. @throws what the job throws */
  async next(): Promise<{ readonly value: unknown } | null> {
    while (this.#items.length === 0 && this.#end === null)
      await new Promise<void>((resolve) => {
        this.#onNews = resolve;
      });
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#send({ type: 'more' });
      return item;
    }
    if (this.#end?.error !== null) throw this.#end?.error;
    return null;
  }

  async close(): Promise<void> {
    this.#ended(null);
    for (const reading of this.#readings.values()) await reading.return?.();
    await this.#worker.terminate();
  }

  #receive(message: FromThread): void {
    switch (message.type) {
      case 'open':
        this.#readings.set(message.reading, this.source.read(message.from)[Symbol.asyncIterator]());
        return;
      case 'next':
        void this.#giveBytes(message.reading);
        return;
      case 'close':
        // What ends badly here was not wanted any more.
        this.#readings
          .get(message.reading)
          ?.return?.()
          .catch(() => undefined);
        this.#readings.delete(message.reading);
        return;
      case 'item':
        this.#items.push({ value: message.item });
        this.#onNews();
        return;
      case 'end':
        this.#ended(message.error === null ? null : thrownBy(message.error, this.#sourceError));
    }
  }

  async #giveBytes(reading: number): Promise<void> {
    try {
      const next = await this.#readings.get(reading)?.next();
      this.#sendBytes(reading, next?.value ?? null);
    } catch (error) {
      this.#sourceError = error;
      this.#send({ type: 'failed', reading });
    }
  }

  /** Handed over where they are a buffer of their own: copies would lie here as garbage that is not collected for long. */
  #sendBytes(reading: number, bytes: Uint8Array | null): void {
    const isWhole = bytes !== null && bytes.byteLength === bytes.buffer.byteLength;
    this.#send({ type: 'bytes', reading, bytes }, isWhole ? [bytes.buffer as ArrayBuffer] : []);
  }

  #send(message: ToThread, transferred: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transferred);
  }

  /** What ends it first counts. */
  #ended(error: unknown): void {
    this.#end ??= { error };
    this.#onNews();
  }
}
