/** Posts updates at the least possible cost. */
import { Agent, request } from 'node:http';
import { BATCH } from '../support/dataset.js';
import { resultText, updateHead } from '../support/updates.js';

/**
 * Results are prepared as bytes. The first n of a batch are one slice, so that nothing is serialised while measuring.
 */
const POOL = 6_000;
const TAIL = Buffer.from(']}');
/** More than the updates that wait for one commit, so that the number of connections is not the limit. */
const CONNECTIONS = 64;

export interface PosterOptions {
  readonly url: string;
  readonly files: readonly string[];
  /** Batches that grow in parallel. */
  readonly active: number;
  /** Results of a batch's first update, and how many each later update adds. */
  readonly start: number;
  readonly step: number;
}

interface Growing {
  readonly batchId: string;
  readonly fileId: string;
  readonly first: number;
  count: number;
}

/**
 * Sends updates as the validator's workers do: several batches grow in parallel, and each is replaced when complete.
 */
export class Poster {
  readonly latencies: number[] = [];
  sent = 0;
  results = 0;
  waiting = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #pool = Buffer.from(Array.from({ length: POOL }, (_, index) => resultText(index)).join(', '));
  readonly #offsets = offsets();
  readonly #batches: Growing[];
  #made = 0;

  constructor(private readonly options: PosterOptions) {
    this.#batches = Array.from({ length: options.active }, (_, index) => {
      const batch = this.#fresh();
      // The batches start at different sizes, or all would be small and then large at the same time.
      batch.count += Math.floor((index * 7) % ((BATCH - options.start) / options.step)) * options.step;
      return batch;
    });
  }

  /** Sends the next update of the next batch. Fulfilled when it is answered. */
  async post(): Promise<void> {
    const index = this.sent++ % this.#batches.length;
    const { batchId, fileId, first, count } = this.#batches[index] as Growing;
    const head = Buffer.from(updateHead({ batchId, fileId, total: BATCH }, count));
    const results = this.#pool.subarray(this.#offsets[first], (this.#offsets[first + count] ?? 2) - 2);
    const next = this.#batches[index] as Growing;
    if (count >= BATCH) this.#batches[index] = this.#fresh();
    else next.count = Math.min(BATCH, count + this.options.step);
    this.results += count;
    await this.#send([head, results, TAIL]);
  }

  end(): void {
    this.#agent.destroy();
  }

  #fresh(): Growing {
    const made = this.#made++;
    const fileId = this.options.files[made % this.options.files.length] ?? '';
    const first = (made * BATCH) % (POOL - BATCH);
    return { batchId: `load-${process.pid}-${made}`, fileId, first, count: this.options.start };
  }

  #send(parts: readonly Buffer[]): Promise<void> {
    const startedAt = performance.now();
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.waiting++;
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.options.url}/api/updates`,
        { method: 'POST', agent: this.#agent, headers: { 'content-length': length } },
        (response) => {
          response.resume().on('end', () => {
            this.waiting--;
            this.latencies.push(performance.now() - startedAt);
            if (response.statusCode === 202) resolve();
            else reject(new Error(`an update was answered with ${response.statusCode}`));
          });
        },
      );
      sent.on('error', (error) => {
        // The server closed the idle connection while this request was under way.
        if (!sent.reusedSocket) reject(error);
        else {
          this.waiting--;
          resolve(this.#send(parts));
        }
      });
      for (const part of parts) sent.write(part);
      sent.end();
    });
  }
}

/** Where each result of the pool starts, including the blanks between results. */
function offsets(): number[] {
  const starts = [0];
  for (let index = 0; index < POOL; index++) {
    starts.push((starts.at(-1) ?? 0) + Buffer.byteLength(resultText(index)) + 2);
  }
  return starts;
}
