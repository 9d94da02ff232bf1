/** A browser that measures how long results take to arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { type Figure, type Goal, percentile } from '../support/figures.js';

const PATIENCE_MS = 60_000;
const LOOK_MS = 5;

interface Wanted {
  readonly batchId: string;
  readonly count: number;
  readonly sentAt: number;
}

export class Tracer {
  #waiting: Wanted[] = [];
  #latencies: number[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on('file_emails', ({ emails }: { emails: { batchId: string; position: number }[] }) => {
      const now = performance.now();
      const lengths = new Map<string, number>();
      for (const { batchId, position } of emails)
        lengths.set(batchId, Math.max(position + 1, lengths.get(batchId) ?? 0));
      this.#waiting = this.#waiting.filter(({ batchId, count, sentAt }) => {
        if ((lengths.get(batchId) ?? 0) < count) return true;
        this.#latencies.push(now - sentAt);
        return false;
      });
    });
  }

  static async listen(url: string, fileId: string): Promise<Tracer> {
    const socket = io(url, { transports: ['websocket'], forceNew: true });
    const tracer = new Tracer(socket);
    const answer = (await socket.emitWithAck('subscribe', { fileId })) as { ok: boolean };
    if (!answer.ok) throw new Error('the subscription was refused');
    return tracer;
  }

  /** Call it when the first `count` results of a batch are sent. */
  expect(batchId: string, count: number): void {
    this.#waiting.push({ batchId, count, sentAt: performance.now() });
  }

  /** Fulfilled when every expected result has arrived. */
  async arrived(): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; this.#waiting.length > 0; await sleep(LOOK_MS)) {
      if (performance.now() > end) throw new Error(`${this.#waiting.length} updates have not arrived`);
    }
  }

  forget(): void {
    this.#latencies = [];
    this.#waiting = [];
  }

  end(): void {
    this.socket.disconnect();
  }

  figures(what: string, goal?: Goal): Figure[] {
    const figure = (name: string, share: number): Figure => ({
      what: `${what}, ${name}`,
      unit: 'ms',
      values: [percentile(this.#latencies, share)],
    });
    return [figure('median', 0.5), { ...figure('p99', 0.99), ...(goal === undefined ? {} : { goal }) }];
  }
}
