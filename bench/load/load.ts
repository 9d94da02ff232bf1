import { setTimeout as sleep } from 'node:timers/promises';
import { Listener } from './listener.js';
import { Poster, type PosterOptions } from './poster.js';

/** What a load process is told when it starts, as JSON in its first argument. */
export interface LoadOrder extends PosterOptions {
  /** The file that each socket subscribes to, one entry a socket; empty: to none. */
  readonly listeners: readonly string[];
  readonly updatesPerSecond: number;
}

/** What it tells on `report`, counted since the last one. */
export interface LoadReport {
  readonly sent: number;
  readonly results: number;
  /** Sent, and not answered yet. */
  readonly waiting: number;
  readonly latencies: number[];
  readonly frames: number;
  readonly bytes: number;
}

/** A process of its own, so that none of this is measured with the gateway. */
const TICK_MS = 10;
/** So much is unanswered that the gateway has fallen behind: the rest of the rate is left out, and the report shows it. */
const MAX_WAITING = 500;

const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder;
const poster = new Poster(order);
const listeners: Listener[] = [];
for (const fileId of order.listeners) listeners.push(await Listener.connect(order.url, fileId || undefined));

let due = 0;
let last = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  due += ((now - last) / 1000) * order.updatesPerSecond;
  last = now;
  for (; due >= 1; due--) {
    if (poster.waiting < MAX_WAITING) void poster.post();
  }
}, TICK_MS);

process.on('message', (message) => {
  if (message === 'stop') {
    void stop();
    return;
  }
  const report: LoadReport = {
    sent: poster.sent,
    results: poster.results,
    waiting: poster.waiting,
    latencies: poster.latencies.splice(0),
    frames: listeners.reduce((sum, { frames }) => sum + frames, 0),
    bytes: listeners.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  poster.sent = poster.results = 0;
  for (const listener of listeners) listener.frames = listener.bytes = 0;
  process.send?.(report);
});
process.send?.('ready');

async function stop(): Promise<void> {
  clearInterval(timer);
  while (poster.waiting > 0) await sleep(TICK_MS);
  for (const listener of listeners) listener.end();
  poster.end();
  process.disconnect();
}
