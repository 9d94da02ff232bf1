import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoadProcess } from '../load/load-process.js';
import { type Figure, inTurns, ratios } from '../support/figures.js';
import type { Block } from './server.js';

const LISTENERS = 1_000;
const ROUNDS = 15;
const EVENTS = 50;
const PAUSE_MS = 100;

const SERVER = fileURLToPath(new URL('./server.js', import.meta.url));

/** What does an event cost for each of a thousand listeners, beside stock Socket.IO? */
export async function fanOut(): Promise<Figure[]> {
  const server = fork(SERVER);
  const [url] = (await once(server, 'message')) as [string];
  const load = await LoadProcess.start({
    url,
    listeners: Array.from({ length: LISTENERS }, () => ''),
    files: [],
    active: 0,
    start: 0,
    step: 0,
    updatesPerSecond: 0,
  });
  try {
    const figures: Figure[] = [];
    for (const inOneTick of [1, 10]) figures.push(...(await compared(server, load, inOneTick)));
    return figures;
  } finally {
    await load.stop();
    server.disconnect();
  }
}

async function compared(server: ChildProcess, load: LoadProcess, inOneTick: number): Promise<Figure[]> {
  const measure = (way: Block['way']) => async (round: number) => {
    const order = { way, events: EVENTS, inOneTick };
    if (round === 0) await block(server, load, order);
    return block(server, load, order);
  };
  const cost = await inTurns(ROUNDS, { rooms: measure('rooms'), stock: measure('stock') });
  const what = inOneTick === 1 ? 'one event a tick' : `${inOneTick} events a tick`;
  return [
    { what: `${what}: ours ÷ io.to(room).emit`, unit: '×', values: ratios(cost.rooms, cost.stock) },
    { what: `${what}: ours, CPU for an event and listener`, unit: 'µs', values: cost.rooms },
    { what: `${what}: io.to(room).emit, the same`, unit: 'µs', values: cost.stock },
  ];
}

async function block(server: ChildProcess, load: LoadProcess, order: Block): Promise<number> {
  await load.report();
  server.send(order);
  const [cost] = (await once(server, 'message')) as [number];
  let frames = 0;
  // Nothing counts that did not arrive.
  while (frames < order.events * LISTENERS) {
    await sleep(PAUSE_MS);
    frames += (await load.report()).frames;
  }
  return cost;
}
