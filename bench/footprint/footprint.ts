import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoadProcess } from '../load/load-process.js';
import { endWithUs } from '../support/children.js';
import { emptyDataset } from '../support/dataset.js';
import { type Figure, ratios } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { type Memory, memoryOf } from '../support/usage.js';

const STOCK = fileURLToPath(new URL('../fan-out/peers/stock.js', import.meta.url));
const SOCKETS = 2_000;
const FILES = 100;
const ROUNDS = 3;
const SETTLING_MS = 4_000;
const LOOK_EVERY_MS = 100;
const KB_PER_MB = 1024;

/** How much memory does a gateway need, and how much more for each listener? */
export async function footprint(): Promise<Figure[]> {
  const idle: number[] = [];
  const each: number[] = [];
  const stock: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { before, after } = await measure();
    idle.push(before);
    each.push(((after - before) * KB_PER_MB) / SOCKETS);
    stock.push(await measureStock());
  }
  return [
    { what: 'resident without a listener', unit: 'MB', values: idle },
    {
      what: `the same, more for each of ${SOCKETS} quiet sockets on ${FILES} files`,
      unit: 'KB',
      values: each,
    },
    { what: 'Socket.IO as it comes, the same', unit: 'KB', values: stock },
    { what: 'ours ÷ Socket.IO', unit: '×', values: ratios(each, stock), goal: { atMost: 0.8 } },
  ];
}

async function measure(): Promise<{ before: number; after: number }> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory });
  try {
    const before = await settled(gateway);
    const load = await LoadProcess.listening(
      gateway.url,
      Array.from({ length: SOCKETS }, (_, index) => `file-${index % FILES}`),
    );
    const after = await settled(gateway);
    await load.stop();
    return { before, after };
  } finally {
    await gateway.stop();
    remove();
  }
}

/** Kilobytes for each socket of a server that does nothing but let them into a room. */
async function measureStock(): Promise<number> {
  const child = spawn(process.execPath, [STOCK], { stdio: ['pipe', 'pipe', 'inherit'] });
  endWithUs(child);
  const { value: port } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const measured = {
    get memory() {
      return memoryOf(child.pid ?? 0);
    },
  };
  const before = await settled(measured);
  const load = await LoadProcess.listening(
    `http://127.0.0.1:${port}`,
    Array.from({ length: SOCKETS }, () => ''),
  );
  const after = await settled(measured);
  await load.stop();
  const exited = once(child, 'exit');
  child.stdin.end();
  await exited;
  return ((after - before) * KB_PER_MB) / SOCKETS;
}

/** The least that is resident for a while: what is garbage only belongs to nobody. */
async function settled(gateway: { readonly memory: Memory }): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  const end = performance.now() + SETTLING_MS;
  while (performance.now() < end) {
    least = Math.min(least, gateway.memory.rss);
    await sleep(LOOK_EVERY_MS);
  }
  return least;
}
