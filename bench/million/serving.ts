/** Measures reads and updates of a large file. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from '../load/load-process.js';
import { FILE } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import type { GatewayProcess } from '../support/gateway.js';
import { addressOf } from '../support/updates.js';
import { forgetPeak } from '../support/usage.js';

export const MEGABYTES = { atMost: 250 } as const;
const PAGES = 20_000;
const REQUESTS = 50;
const INTAKE_MS = 15_000;

/** Pages from all parts of the file with each kind of filter: their cost, and the peak of resident memory. */
export async function reading(gateway: GatewayProcess): Promise<Figure[]> {
  await gateway.get(`/api/files/${FILE}/stats`);
  forgetPeak(gateway.pid);
  const somewhere = (n: number, pages: number) => 1 + ((n * 7919) % pages);
  const figures = [
    await costOf(gateway, 'a page of 50', (n) => `page=${somewhere(n, PAGES)}`),
    await costOf(gateway, 'a page of 500', (n) => `limit=500&page=${somewhere(n, PAGES / 10)}`),
    await costOf(gateway, 'a page of 50 by status', (n) => `status=risky&page=${somewhere(n, PAGES / 10)}`),
    await costOf(
      gateway,
      'a page of 50 of results that are one in 5,000',
      (n) => `risk=high&status=unknown&page=${somewhere(n, 4)}`,
    ),
    await costOf(
      gateway,
      'a search that finds one address',
      (n) => `email=${addressOf(somewhere(n, 1_000_000))}`,
    ),
    await costOf(gateway, 'a search that finds a tenth of all', () => 'email=ana'),
  ];
  return [
    ...figures,
    { what: 'most resident meanwhile', unit: 'MB', values: [gateway.memory.peak], goal: MEGABYTES },
  ];
}

async function costOf(gateway: GatewayProcess, what: string, query: (n: number) => string): Promise<Figure> {
  const values: number[] = [];
  for (let n = 0; n < REQUESTS; n++) {
    const before = gateway.cpu;
    await gateway.get(`/api/files/${FILE}/emails?${query(n)}`);
    values.push(gateway.cpu - before);
  }
  return { what: `${what}, CPU`, unit: 'ms', values };
}

/** The file grows and has listeners while memory is measured. */
export async function takingIn(gateway: GatewayProcess): Promise<Figure[]> {
  const load = await LoadProcess.start({
    url: gateway.url,
    files: [FILE],
    listeners: Array.from({ length: 10 }, () => FILE),
    active: 40,
    start: 50,
    step: 5,
    updatesPerSecond: 150,
  });
  forgetPeak(gateway.pid);
  await load.report();
  const startedAt = performance.now();
  const rss: number[] = [];
  while (performance.now() - startedAt < INTAKE_MS) {
    await sleep(250);
    rss.push(gateway.memory.rss);
  }
  const report = await load.report();
  const seconds = (performance.now() - startedAt) / 1000;
  await load.stop();
  return [
    {
      what: 'updates that it takes in on top, with 10 listeners',
      unit: 'a second',
      values: [report.latencies.length / seconds],
    },
    { what: 'resident meanwhile', unit: 'MB', values: rss, goal: { atMost: 200 } },
    { what: 'most resident meanwhile', unit: 'MB', values: [gateway.memory.peak], goal: MEGABYTES },
  ];
}
