/**
 * The load generator's program. It runs in a process of its own, so that its CPU is not measured with the gateway's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Listener, type ProtocolName } from './listener.js';
import { Poster, type PosterOptions } from './poster.js';

/** Its settings, as JSON in the first argument. */
export interface LoadSettings extends PosterOptions {
  /** The file that each socket subscribes to, one entry for each socket; empty: none. */
  readonly listeners: readonly string[];
  /** That of the listeners. */
  readonly protocol?: ProtocolName;
  readonly updatesPerSecond: number;
}

/** Counts since the last report. */
export interface LoadReport {
  readonly sent: number;
  readonly results: number;
  /** Sent and not answered yet. */
  readonly waiting: number;
  readonly latencies: number[];
  readonly frames: number;
  readonly bytes: number;
}

const TICK_MS = 10;
/** With so many unanswered updates the gateway has fallen behind: no more are sent, and the report shows it. */
const MAX_WAITING = 500;

const settings = JSON.parse(process.argv[2] ?? '{}') as LoadSettings;
const poster = new Poster(settings);
const listeners: Listener[] = [];
for (const fileId of settings.listeners)
  listeners.push(await Listener.connect(settings.url, fileId || undefined, settings.protocol));

let due = 0;
let last = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  due += ((now - last) / 1000) * settings.updatesPerSecond;
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
