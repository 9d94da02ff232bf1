import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../tests/support/free-port.js';
import { killOnExit } from '../support/children.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import { type Figure, loopFigure, percentile } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { updateText } from '../support/updates.js';
import type { Command, ListenersReport } from './listener-process.js';

const LISTENER_PROCESS = fileURLToPath(new URL('./listener-process.js', import.meta.url));
const FILE = 'reconnect';
const LISTENERS = 5_000;
const BATCHES = 60;
const UPDATES_PER_SECOND = 5;
const STEP = 5;
const AWAY_MS = 2_000;
const RUNNING_MS = 15_000;
const DROPPED_WITHIN_MS = 10_000;
const PATIENCE_MS = 60_000;
const LOOK_MS = 200;

/**
 * Benchmark: do thousands of listeners come back to the right state after a lost connection or a restart, and how soon?
 */
export async function reconnect(): Promise<Figure[]> {
  const { directory, remove } = emptyDataset();
  const env = { MAX_CONNECTIONS_PER_ADDRESS: String(2 * LISTENERS), PORT: String(await freePort()) };
  let gateway = await GatewayProcess.start({ directory, env });
  try {
    await filled(gateway);
    const listeners = fork(LISTENER_PROCESS, [gateway.url, FILE, String(LISTENERS)]);
    killOnExit(listeners);
    await once(listeners, 'message');
    await report(listeners);
    await gateway.loopDelay();
    const dropped = await whileRunning(gateway, listeners);
    await gateway.stop();
    gateway = await GatewayProcess.start({ directory, env });
    const restarted = await afterRestart(gateway, listeners);
    listeners.send({ kind: 'stop' } satisfies Command);
    return [...restarted, ...dropped];
  } finally {
    await gateway.stop();
    remove();
  }
}

async function filled(gateway: GatewayProcess): Promise<void> {
  const names = Array.from({ length: BATCHES }, (_, index) => `batch-${index}`);
  const batches = names.map((batchId) => ({ batchId, totalEmails: BATCH }));
  await gateway.post(`/api/files/${FILE}/batches`, JSON.stringify({ batches }));
  for (const [index, batchId] of names.entries()) {
    if (index % 2 === 0) await gateway.post('/api/updates', updateText(specOf(batchId, index), BATCH));
  }
}

const specOf = (batchId: string, index: number) => ({ batchId, first: index * BATCH, total: BATCH });

/** Each listener loses its connection once, for about two seconds, while results come in. */
async function whileRunning(gateway: GatewayProcess, listeners: ChildProcess): Promise<Figure[]> {
  listeners.send({ kind: 'drop', forMs: AWAY_MS, withinMs: DROPPED_WITHIN_MS } satisfies Command);
  const end = performance.now() + RUNNING_MS;
  for (let sent = 0; performance.now() < end; sent++) {
    const index = 2 * Math.floor((sent * STEP) / BATCH) + 1;
    const count = ((sent * STEP) % BATCH) + STEP;
    await gateway.post('/api/updates', updateText(specOf(`batch-${index}`, index), count));
    await sleep(1000 / UPDATES_PER_SECOND);
  }
  const { seen, equal } = await allCaughtUp(gateway, listeners);
  return [
    share('dropped for about 2 s while a file runs: all end equal', equal),
    { what: 'the same: gaps seen by listeners', unit: '', values: [seen.gaps], goal: { atMost: 0 } },
    { what: 'the same: recovered without starting over', unit: '', values: [seen.recovered] },
    {
      what: 'the same: from the attempt to the answer, p99',
      unit: 'ms',
      values: [percentile(seen.catchUps, 0.99)],
      goal: { atMost: 1_000 },
    },
    ...(await stall(gateway, 'the same')),
  ];
}

async function afterRestart(gateway: GatewayProcess, listeners: ChildProcess): Promise<Figure[]> {
  const listeningAt = Date.now();
  const { seen, equal } = await allCaughtUp(gateway, listeners);
  const back = seen.answeredAt.map((at) => at - listeningAt);
  return [
    share(`${LISTENERS} listeners, the gateway restarts: all are back with the right state`, equal),
    {
      what: 'the same: back after it listens, p99',
      unit: 'ms',
      values: [percentile(back, 0.99)],
      goal: { atMost: 5_000 },
    },
    { what: 'the same: median', unit: 'ms', values: [percentile(back, 0.5)] },
    { what: 'the same: the most that were answered in one second', unit: '', values: [busiestSecond(back)] },
    ...(await stall(gateway, 'the same')),
  ];
}

/** Waits, for a limited time, until all listeners are subscribed and have the state of the gateway. */
async function allCaughtUp(gateway: GatewayProcess, listeners: ChildProcess) {
  const { revision, epoch, progress } = JSON.parse(await gateway.get(`/api/files/${FILE}/stats`)) as {
    epoch: string;
    revision: number;
    progress: { processed: number };
  };
  const place = `${epoch}/${revision}/${progress.processed}`;
  const all = { answeredAt: [] as number[], catchUps: [] as number[], recovered: 0, gaps: 0 };
  for (const end = performance.now() + PATIENCE_MS; ; await sleep(LOOK_MS)) {
    const seen = await report(listeners);
    all.answeredAt.push(...seen.answeredAt);
    all.catchUps.push(...seen.catchUps);
    all.recovered += seen.recovered;
    all.gaps = seen.gaps;
    const equal = seen.places[place] ?? 0;
    const isDone = seen.listening === LISTENERS && equal === LISTENERS;
    if (isDone || performance.now() > end) return { seen: all, equal };
  }
}

async function report(listeners: ChildProcess): Promise<ListenersReport> {
  listeners.send({ kind: 'report' } satisfies Command);
  const [seen] = (await once(listeners, 'message')) as [ListenersReport];
  return seen;
}

const share = (what: string, equal: number): Figure => ({
  what,
  unit: '%',
  values: [(100 * equal) / LISTENERS],
  goal: { atLeast: 100 },
});

async function stall(gateway: GatewayProcess, what: string): Promise<Figure[]> {
  const { p999, max } = await gateway.loopDelay();
  return [loopFigure(what, p999), { what: `${what}: longest delay`, unit: 'ms', values: [max] }];
}

function busiestSecond(back: readonly number[]): number {
  const seconds = new Map<number, number>();
  for (const at of back) {
    const second = Math.floor(at / 1000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  return Math.max(0, ...seconds.values());
}
