import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from '../load/load-process.js';
import { emptyDataset } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';

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
  for (let round = 0; round < ROUNDS; round++) {
    const { before, after } = await measure();
    idle.push(before);
    each.push(((after - before) * KB_PER_MB) / SOCKETS);
  }
  return [
    { what: 'resident without a listener', unit: 'MB', values: idle },
    {
      what: `the same, more for each of ${SOCKETS} quiet sockets on ${FILES} files`,
      unit: 'KB',
      values: each,
    },
  ];
}

async function measure(): Promise<{ before: number; after: number }> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory });
  try {
    const before = await settled(gateway);
    const load = await LoadProcess.start({
      url: gateway.url,
      files: ['unused'],
      listeners: Array.from({ length: SOCKETS }, (_, index) => `file-${index % FILES}`),
      active: 1,
      start: 1,
      step: 1,
      updatesPerSecond: 0,
    });
    const after = await settled(gateway);
    await load.stop();
    return { before, after };
  } finally {
    await gateway.stop();
    remove();
  }
}

/** The least that is resident for a while: what is garbage only belongs to nobody. */
async function settled(gateway: GatewayProcess): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  const end = performance.now() + SETTLING_MS;
  while (performance.now() < end) {
    least = Math.min(least, gateway.memory.rss);
    await sleep(LOOK_EVERY_MS);
  }
  return least;
}
