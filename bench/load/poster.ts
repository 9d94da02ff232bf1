import { Agent, request } from 'node:http';
import { BATCH } from '../support/dataset.js';
import { resultText, updateHead } from '../support/updates.js';

/** Results prepared as bytes: the first n of a batch are one slice, so that a load generator serialises nothing. */
const POOL = 6_000;
const TAIL = Buffer.from(']}');
/** More than wait for one commit: neither side may be held up by the number of connections. */
const CONNECTIONS = 64;

export interface PosterOptions {
  readonly url: string;
  readonly files: readonly string[];
  /** Batches that grow at the same time. */
  readonly active: number;
  /** Results of a batch's first update, and how many each later one adds. */
  readonly start: number;
  readonly step: number;
}

interface Growing {
  readonly batchId: string;
  readonly fileId: string;
  readonly first: number;
  count: number;
}

/** Sends updates as many workers of the validator would: batches that grow side by side, each replaced when complete. */
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
      // Each at another stage, or all of them would be small, then large, at the same time.
      batch.count += Math.floor((index * 7) % ((BATCH - options.start) / options.step)) * options.step;
      return batch;
    });
  }

  /** The next update of the next batch; fulfilled when it is answered. */
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
        // The server closed the connection, idle for long, while this was on its way.
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

/** Where each result of the pool starts, the blanks between them counted in. */
function offsets(): number[] {
  const starts = [0];
  for (let index = 0; index < POOL; index++) {
    starts.push((starts.at(-1) ?? 0) + Buffer.byteLength(resultText(index)) + 2);
  }
  return starts;
}
