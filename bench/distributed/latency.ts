import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { LoadProcess } from '../load/load-process.js';
import { BATCH } from '../support/dataset.js';
import { type Figure, percentile } from '../support/figures.js';
import { type Installation, install } from './installation.js';
import { type Message, messagesOf } from './publisher.js';

const FLUSH_INTERVAL_MS = 100;
const STEP = 5;
const QUIET_ROUNDS = 60;
const LISTENERS = 1_000;
const FILES = 10;
const UPDATES_PER_SECOND = 200;
const WARM_UP_MS = 3_000;
const BUSY_MS = 20_000;
const PATIENCE_MS = 60_000;

/** How long from the validator's PUBLISH until a browser has the results? */
export async function latency(): Promise<Figure[]> {
  const installation = await install(1, { FLUSH_INTERVAL_MS: String(FLUSH_INTERVAL_MS) });
  try {
    return [...(await quiet(installation)), ...(await busy(installation))];
  } finally {
    await installation.stop();
  }
}

async function quiet(installation: Installation): Promise<Figure[]> {
  const tracer = await Tracer.listen(installation, 'quiet');
  for (let round = 0; round < QUIET_ROUNDS; round++) {
    const messages = messagesOf(`quiet-${round}`, 0, BATCH, 'quiet');
    for (const message of messages) await tracer.publish(message, BATCH);
    await tracer.arrived();
    await sleep(2 * FLUSH_INTERVAL_MS);
  }
  return tracer.figures('nothing else happens');
}

async function busy(installation: Installation): Promise<Figure[]> {
  const { gateways, publisher } = installation;
  const files = Array.from({ length: FILES }, (_, index) => `busy-${index}`);
  const tracer = await Tracer.listen(installation, files[0] ?? '');
  const load = await LoadProcess.listening(
    gateways[0]?.url ?? '',
    Array.from({ length: LISTENERS }, (_, index) => files[index % FILES] ?? ''),
  );
  const startedAt = performance.now();
  let warm = false;
  for (let sent = 0; performance.now() - startedAt < WARM_UP_MS + BUSY_MS; sent++) {
    const due = startedAt + (sent / UPDATES_PER_SECOND) * 1000;
    if (due > performance.now()) await sleep(due - performance.now());
    if (!warm && performance.now() - startedAt > WARM_UP_MS) {
      warm = true;
      tracer.forget();
    }
    // Two batches of each file grow at the same time, and are followed by others.
    const lane = sent % (2 * FILES);
    const turn = Math.floor(sent / (2 * FILES));
    const fileId = files[lane % FILES] ?? '';
    const perBatch = BATCH / STEP;
    const messages = messagesIn(`${fileId}-${lane}-${Math.floor(turn / perBatch)}`, fileId);
    const message = messages[turn % perBatch];
    if (message === undefined) continue;
    if (lane % FILES === 0) await tracer.publish(message, ((turn % perBatch) + 1) * STEP);
    else await publisher.publish(message);
  }
  await tracer.arrived();
  await load.stop();
  return tracer.figures(`${LISTENERS} listeners on ${FILES} files, ${UPDATES_PER_SECOND} updates a second`);
}

const made = new Map<string, Message[]>();

/** Made once for each batch, and forgotten when others come. */
function messagesIn(batchId: string, fileId: string): Message[] {
  const known = made.get(batchId);
  if (known !== undefined) return known;
  if (made.size > 4 * FILES) made.delete(made.keys().next().value ?? '');
  const messages = messagesOf(batchId, 0, STEP, fileId);
  made.set(batchId, messages);
  return messages;
}

interface Wanted {
  readonly batchId: string;
  readonly count: number;
  readonly sentAt: number;
}

/** A browser that notes when it has what was published. */
class Tracer {
  #waiting: Wanted[] = [];
  #latencies: number[] = [];

  private constructor(
    private readonly socket: Socket,
    private readonly installation: Installation,
  ) {
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

  static async listen(installation: Installation, fileId: string): Promise<Tracer> {
    const socket = io(installation.gateways[0]?.url ?? '', { transports: ['websocket'] });
    const tracer = new Tracer(socket, installation);
    const answer = (await socket.emitWithAck('subscribe', { fileId })) as { ok: boolean };
    if (!answer.ok) throw new Error('the subscription was refused');
    return tracer;
  }

  async publish(message: Message, count: number): Promise<void> {
    this.#waiting.push({ batchId: message.batchId, count, sentAt: performance.now() });
    await this.installation.publisher.publish(message);
  }

  /** Fulfilled once nothing is missing. */
  async arrived(): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; this.#waiting.length > 0; await sleep(5)) {
      if (performance.now() > end) throw new Error(`${this.#waiting.length} updates have not arrived`);
    }
  }

  forget(): void {
    this.#latencies = [];
    this.#waiting = [];
  }

  figures(when: string): Figure[] {
    this.socket.disconnect();
    const figure = (what: string, share: number): Figure => ({
      what: `${when}: from PUBLISH to the browser, ${what}`,
      unit: 'ms',
      values: [percentile(this.#latencies, share)],
    });
    return [figure('median', 0.5), figure('p99', 0.99)];
  }
}
