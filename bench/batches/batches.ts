import { setTimeout as sleep } from 'node:timers/promises';
import { type Figure, percentile } from '../support/figures.js';
import type { GatewayProcess } from '../support/gateway.js';
import { updateText } from '../support/updates.js';
import { embedded, type Measured, onMongo } from './engines.js';

/** As many as one request may have, if `BATCHES` does not say otherwise. */
const MANY = Number(process.env.BATCHES ?? 100_000);
const SIZE = 150;
const FILE = 'many';
const PAUSE_MS = 20;
/** As `Retry-After` says. */
const COME_BACK_MS = 1_000;
const ANSWERED_WITHIN_S = 10;
const UNDISTURBED_MS = 100;

/**
 * Benchmark: a request of as many batches as one may have is registered, replaced by another one, and deleted. When is the
 * first answer there, be it that the work goes on, and when is it done? What does it cost each process, and how long do the
 * updates of another file wait meanwhile?
 */
export async function batches(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const start of [embedded, onMongo]) {
    const engine = await start();
    try {
      const path = `/api/files/${FILE}`;
      const register = (requestId: string) => () =>
        engine.gateway.post(`${path}/batches`, registrationOf(requestId));
      figures.push(
        ...(await costOf(engine, `${MANY} batches registered`, register('first'))),
        ...(await costOf(engine, `${MANY} batches replaced by as many`, register('second'))),
        ...(await costOf(engine, `${MANY} batches deleted`, () => engine.gateway.delete(path))),
      );
    } finally {
      await engine.stop();
    }
  }
  return figures;
}

const registrationOf = (requestId: string): string =>
  JSON.stringify({
    requestId,
    batches: Array.from({ length: MANY }, (_, n) => ({ batchId: `${requestId}-${n}`, totalEmails: SIZE })),
  });

async function costOf(engine: Measured, what: string, work: () => Promise<unknown>): Promise<Figure[]> {
  const { gateway, name } = engine;
  await gateway.loopDelay();
  engine.takeCommands();
  const [cpu, serverCpu, startedAt] = [gateway.cpu, engine.serverCpu(), performance.now()];
  const answers: number[] = [];
  let isDone = false;
  const done = untilDone(work, () => answers.push((performance.now() - startedAt) / 1000)).finally(() => {
    isDone = true;
  });
  const delays: number[] = [];
  while (!isDone) delays.push(await delayOfAnUpdate(gateway));
  await done;
  const figure = (of: string, unit: string, value: number, atMost?: number): Figure => ({
    what: `${name}, ${what}: ${of}`,
    unit,
    values: [value],
    ...(atMost === undefined ? {} : { goal: { atMost } }),
  });
  return [
    figure('answered after', 's', answers[0] ?? 0, ANSWERED_WITHIN_S),
    figure('done after', 's', answers.at(-1) ?? 0),
    figure('CPU of the gateway', 's', (gateway.cpu - cpu) / 1000),
    ...(engine.hasServer
      ? [
          figure('CPU of the MongoDB server', 's', (engine.serverCpu() - serverCpu) / 1000),
          figure('commands to MongoDB', '', engine.takeCommands()),
        ]
      : []),
    figure("another file's update meanwhile, p99", 'ms', percentile(delays, 0.99), UNDISTURBED_MS),
    figure('longest delay of the event loop', 'ms', (await gateway.loopDelay()).max, UNDISTURBED_MS),
  ];
}

/** Asks again as long as the answer is that the work goes on. */
async function untilDone(work: () => Promise<unknown>, onAnswer: () => void): Promise<void> {
  for (;;) {
    try {
      await work();
      return onAnswer();
    } catch (error) {
      onAnswer();
      if (!(error instanceof Error) || !error.message.includes(': 503 ')) throw error;
      await sleep(COME_BACK_MS);
    }
  }
}

let sent = 0;

async function delayOfAnUpdate(gateway: GatewayProcess): Promise<number> {
  await sleep(PAUSE_MS);
  const startedAt = performance.now();
  const spec = { batchId: `other-${sent++}`, fileId: 'other', first: sent * 10, total: 10 };
  await gateway.post('/api/updates', updateText(spec, 10));
  return performance.now() - startedAt;
}
