import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoadProcess } from '../load/load-process.js';
import { emptyDataset } from '../support/dataset.js';
import { type Figure, ratios } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { Program } from '../support/program.js';
import { memoryOf } from '../support/usage.js';
import { COLLECT, FLAGS } from './collect.js';

const STOCK = fileURLToPath(new URL('../fan-out/peers/stock.js', import.meta.url));
/** Sockets connected before the measurement. They pay for what a process allocates once, such as V8's reserve. */
const FIRST = 4_000;
const SOCKETS = 3_000;
const FILES = 100;
const ROUNDS = 3;
const SETTLING_MS = 2_000;
const LOOK_EVERY_MS = 100;
const KB_PER_MB = 1024;

/** Benchmark: how much memory does a gateway need, and how much more for each listener? */
export async function footprint(): Promise<Figure[]> {
  const idle: number[] = [];
  const each: number[] = [];
  const onOwnFile: number[] = [];
  const stock: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const ours = await measure((index) => `file-${index % FILES}`);
    idle.push(ours.idle);
    each.push(ours.each);
    let files = 0;
    onOwnFile.push((await measure(() => `file-${files++}`)).each);
    stock.push(await measureStock());
  }
  return [
    { what: 'resident without a listener', unit: 'MB', values: idle },
    {
      what: `the same, more for each of ${SOCKETS} quiet sockets on ${FILES} files`,
      unit: 'KB',
      values: each,
    },
    { what: 'the same, each socket on a file of its own', unit: 'KB', values: onOwnFile },
    { what: 'Socket.IO as it comes, the same', unit: 'KB', values: stock },
    { what: 'ours ÷ Socket.IO', unit: '×', values: ratios(each, stock), goal: { atMost: 0.8 } },
  ];
}

async function measure(fileOf: (index: number) => string): Promise<{ idle: number; each: number }> {
  const { directory, remove } = emptyDataset();
  const env = { MAX_CONNECTIONS_PER_ADDRESS: String(FIRST + SOCKETS) };
  const gateway = await GatewayProcess.start({ directory, env, node: FLAGS });
  try {
    const idle = await smallestResident(gateway.pid);
    return { idle, each: await forEach(gateway.pid, gateway.url, fileOf) };
  } finally {
    await gateway.stop();
    remove();
  }
}

/** The same for a server that only joins sockets to a room. */
async function measureStock(): Promise<number> {
  const stock = await Program.start(process.execPath, ...FLAGS, STOCK);
  const each = await forEach(stock.pid, stock.url, () => '');
  await stock.stop();
  return each;
}

/** Kilobytes of the process for each further socket. */
async function forEach(pid: number, url: string, fileOf: (index: number) => string): Promise<number> {
  const listening = (count: number) =>
    LoadProcess.listening(
      url,
      Array.from({ length: count }, (_, index) => fileOf(index)),
    );
  const first = await listening(FIRST);
  const before = await smallestResident(pid);
  const more = await listening(SOCKETS);
  const after = await smallestResident(pid);
  await more.stop();
  await first.stop();
  return ((after - before) * KB_PER_MB) / SOCKETS;
}

/** The smallest resident size over a while, after garbage collection. */
async function smallestResident(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  process.kill(pid, COLLECT);
  const end = performance.now() + SETTLING_MS;
  while (performance.now() < end) {
    least = Math.min(least, memoryOf(pid).rss);
    await sleep(LOOK_EVERY_MS);
  }
  return least;
}
