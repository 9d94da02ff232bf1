import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from '../load/load-process.js';
import { emptyDataset } from '../support/dataset.js';
import { type Figure, percentile } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';

const UPDATES_PER_SECOND = 300;
const SOCKETS = 200;
const WARM_UP_MS = 5_000;
const WINDOW_MS = 3_000;
const WINDOWS = 9;

/** Benchmark: does the event loop stay responsive while updates of about 100 results come in and sockets listen? */
export async function eventLoop(): Promise<Figure[]> {
  return [...(await withFiles(10)), ...(await withFiles(1))];
}

async function withFiles(count: number): Promise<Figure[]> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory });
  const files = Array.from({ length: count }, (_, index) => `file-${index}`);
  const load = await LoadProcess.start({
    url: gateway.url,
    files,
    listeners: Array.from({ length: SOCKETS }, (_, index) => `file-${index % count}`),
    active: 60,
    // From 50 to 150 in steps of 5: an update has 100 results on average, most of them unchanged.
    start: 50,
    step: 5,
    updatesPerSecond: UPDATES_PER_SECOND,
  });
  try {
    await sleep(WARM_UP_MS);
    return figures(
      await windows(gateway, load),
      `${SOCKETS} sockets on ${count === 1 ? 'one file' : `${count} files`}`,
    );
  } finally {
    await load.stop();
    await gateway.stop();
    remove();
  }
}

interface Window {
  readonly p99: number;
  readonly gatewayCores: number;
  readonly loadCores: number;
  readonly waited: number;
  readonly updates: number;
  readonly results: number;
  readonly latency: number;
  readonly events: number;
  readonly megabytes: number;
}

async function windows(gateway: GatewayProcess, load: LoadProcess): Promise<Window[]> {
  const all: Window[] = [];
  await lagOf(gateway);
  await load.report();
  for (let n = 0; n < WINDOWS; n++) {
    const [startedAt, cpu, loadCpu, waited] = [performance.now(), gateway.cpu, load.cpu, gateway.waited];
    await sleep(WINDOW_MS);
    const ms = performance.now() - startedAt;
    const cores = { gatewayCores: (gateway.cpu - cpu) / ms, loadCores: (load.cpu - loadCpu) / ms };
    const share = (gateway.waited - waited) / ms;
    const p99 = await lagOf(gateway);
    const report = await load.report();
    const seconds = ms / 1000;
    all.push({
      ...cores,
      p99,
      waited: 100 * share,
      updates: report.latencies.length / seconds,
      results: report.results / report.sent,
      latency: percentile(report.latencies, 0.99),
      events: report.frames / seconds,
      megabytes: report.bytes / seconds / 1e6,
    });
  }
  return all;
}

/**
 * The 99th percentile of the event loop's delay since the last call, from the gateway's own metrics: the time between
 * two runs of a 10 ms timer, so an idle process shows 10 ms.
 */
async function lagOf(gateway: GatewayProcess): Promise<number> {
  const text = await gateway.get('/metrics');
  return 1000 * Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]);
}

function figures(all: readonly Window[], where: string): Figure[] {
  const of = (field: keyof Window) => all.map((window) => window[field]);
  return [
    {
      what: `${where}: event loop delay, p99 (an idle loop shows 10)`,
      unit: 'ms',
      values: of('p99'),
      goal: { atMost: 20 },
    },
    {
      what: `${where}: updates answered`,
      unit: 'a second',
      values: of('updates'),
      goal: { atLeast: UPDATES_PER_SECOND * 0.98 },
    },
    { what: `${where}: results in an update, mean`, unit: '', values: of('results') },
    { what: `${where}: time to the answer, p99`, unit: 'ms', values: of('latency') },
    { what: `${where}: events that reached the sockets`, unit: 'a second', values: of('events') },
    { what: `${where}: bytes that reached the sockets`, unit: 'MB/s', values: of('megabytes') },
    { what: `${where}: CPU of the gateway`, unit: 'cores', values: of('gatewayCores') },
    { what: `${where}: time that its main thread waited for a processor`, unit: '%', values: of('waited') },
    { what: `${where}: CPU of the load`, unit: 'cores', values: of('loadCores') },
  ];
}
