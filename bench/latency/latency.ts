import { setTimeout as sleep } from 'node:timers/promises';
import { install } from '../distributed/installation.js';
import { type Message, messagesOf } from '../distributed/publisher.js';
import { LoadProcess } from '../load/load-process.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import { type Figure, loopFigure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { paced } from '../support/pace.js';
import { Tracer } from './tracer.js';

const FLUSH_INTERVAL_MS = 100;
const STEP = 5;
const QUIET_ROUNDS = 40;
const LISTENERS = 1_000;
const FILES = 10;
const UPDATES_PER_SECOND = 200;
const WARM_UP_MS = 3_000;
const BUSY_MS = 15_000;
const UPDATES = (UPDATES_PER_SECOND * (WARM_UP_MS + BUSY_MS)) / 1000;
/** More unanswered updates than the validator's workers would allow: the next one waits for an answer, and the rate is lower. */
const MAX_WAITING = 500;
const GOAL = { atMost: FLUSH_INTERVAL_MS + 20 };

/** A gateway, and the transport by which it gets updates. */
interface Engine {
  readonly name: string;
  readonly gateway: GatewayProcess;
  send(message: Message): Promise<unknown>;
  stop(): Promise<void>;
}

/** Benchmark: how long does it take from the validator's update to the browser? */
export async function latency(): Promise<Figure[]> {
  return [...(await onEngine(await embedded())), ...(await onEngine(await distributed()))];
}

const ENV = { FLUSH_INTERVAL_MS: String(FLUSH_INTERVAL_MS) };

async function embedded(): Promise<Engine> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory, env: ENV });
  return {
    name: 'embedded, from POST to the browser',
    gateway,
    send: ({ text }) => gateway.post('/api/updates', text),
    stop: () => gateway.stop().finally(remove),
  };
}

async function distributed(): Promise<Engine> {
  const installation = await install(1, ENV);
  const [gateway] = installation.gateways;
  if (gateway === undefined) throw new Error('there is no gateway');
  return {
    name: 'distributed, from PUBLISH to the browser',
    gateway,
    send: (message) => installation.publisher.publish(message),
    stop: () => installation.stop(),
  };
}

async function onEngine(engine: Engine): Promise<Figure[]> {
  try {
    return [...(await quiet(engine)), ...(await busy(engine))];
  } finally {
    await engine.stop();
  }
}

async function quiet({ name, gateway, send }: Engine): Promise<Figure[]> {
  const tracer = await Tracer.listen(gateway.url, 'quiet');
  for (let round = 0; round < QUIET_ROUNDS; round++) {
    for (const message of messagesOf(`quiet-${round}`, 0, BATCH, 'quiet')) {
      tracer.expect(message.batchId, BATCH);
      await send(message);
    }
    await tracer.arrived();
    await sleep(2 * FLUSH_INTERVAL_MS);
  }
  tracer.end();
  return tracer.figures(`${name}, nothing else happens`);
}

async function busy({ name, gateway, send }: Engine): Promise<Figure[]> {
  await register(gateway);
  const tracer = await Tracer.listen(gateway.url, fileOf(0));
  const load = await LoadProcess.listening(
    gateway.url,
    Array.from({ length: LISTENERS }, (_, index) => fileOf(index)),
  );
  const waiting = new Set<Promise<unknown>>();
  const startedAt = performance.now();
  await paced(UPDATES, UPDATES_PER_SECOND, async (sent) => {
    if (sent === UPDATES_PER_SECOND * (WARM_UP_MS / 1000)) {
      tracer.forget();
      await gateway.loopDelay();
    }
    const { message, fileId, count } = update(sent);
    if (waiting.size >= MAX_WAITING) await Promise.race(waiting);
    if (fileId === fileOf(0)) tracer.expect(message.batchId, count);
    const sending = send(message).finally(() => waiting.delete(sending));
    waiting.add(sending);
  });
  await Promise.all(waiting);
  const rate = (1000 * UPDATES) / (performance.now() - startedAt);
  await tracer.arrived();
  const { p999 } = await gateway.loopDelay();
  await load.stop();
  tracer.end();
  const what = `${name}, ${LISTENERS} listeners on ${FILES} files and ${UPDATES_PER_SECOND} updates a second`;
  const answered: Figure = { what: `${what}: answered`, unit: 'a second', values: [rate] };
  return [...tracer.figures(what, GOAL), answered, loopFigure(what, p999)];
}

/** Two batches of each file grow in parallel, and others follow them. */
const PARALLEL_BATCHES = 2 * FILES;
const UPDATES_OF_BATCH = BATCH / STEP;

const fileOf = (slot: number): string => `busy-${slot % FILES}`;
const batchOf = (slot: number, number: number): string => `${fileOf(slot)}-${slot}-${number}`;

/** Registers all batches beforehand, as a caller who submits a list does. */
async function register(gateway: GatewayProcess): Promise<void> {
  const batchesInSlot = Math.ceil(UPDATES / PARALLEL_BATCHES / UPDATES_OF_BATCH);
  for (let slot = 0; slot < PARALLEL_BATCHES; slot++) {
    const batches = Array.from({ length: batchesInSlot }, (_, number) => ({
      batchId: batchOf(slot, number),
      totalEmails: BATCH,
    }));
    await gateway.post(`/api/files/${fileOf(slot)}/batches`, JSON.stringify({ batches }));
  }
}

function update(sent: number) {
  const slot = sent % PARALLEL_BATCHES;
  const turn = Math.floor(sent / PARALLEL_BATCHES);
  const at = turn % UPDATES_OF_BATCH;
  const message = messagesIn(batchOf(slot, Math.floor(turn / UPDATES_OF_BATCH)))[at];
  if (message === undefined) throw new Error('a batch has no such message');
  return { message, fileId: fileOf(slot), count: (at + 1) * STEP };
}

const made = new Map<string, Message[]>();

/** Made once for each batch. The oldest are dropped. */
function messagesIn(batchId: string): Message[] {
  const known = made.get(batchId);
  if (known !== undefined) return known;
  if (made.size > 2 * PARALLEL_BATCHES) made.delete(made.keys().next().value ?? '');
  const messages = messagesOf(batchId, 0, STEP);
  made.set(batchId, messages);
  return messages;
}
