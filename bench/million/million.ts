import { datasetOf, FILE } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { deletion } from './deletion.js';
import { exporting } from './exporting.js';
import { MEGABYTES, reading, takingIn } from './serving.js';

const STARTS = 5;

/**
 * Benchmark: with a file of a million results, does the gateway start, answer, export and grow in small, constant
 * memory?
 */
export async function million(): Promise<Figure[]> {
  const { directory, remove } = await datasetOf(1_000_000);
  try {
    return [
      ...(await starting(directory)),
      ...(await serving(directory)),
      ...(await withGateway(directory, deletion)),
    ];
  } finally {
    remove();
  }
}

async function starting(directory: string): Promise<Figure[]> {
  const startMs: number[] = [];
  const rss: number[] = [];
  const statsMs: number[] = [];
  const statsCpu: number[] = [];
  const stalls: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    const gateway = await GatewayProcess.start({ directory });
    startMs.push(gateway.startMs);
    rss.push(gateway.memory.rss);
    await longestStall(gateway);
    const [startedAt, cpu] = [performance.now(), gateway.cpu];
    await gateway.get(`/api/files/${FILE}/stats`);
    statsMs.push(performance.now() - startedAt);
    statsCpu.push(gateway.cpu - cpu);
    stalls.push(await longestStall(gateway));
    await gateway.stop();
  }
  return [
    {
      what: 'from the start of the process to `listening`',
      unit: 'ms',
      values: startMs,
      goal: { atMost: 5_000 },
    },
    { what: 'resident after the start', unit: 'MB', values: rss, goal: MEGABYTES },
    { what: 'first stats after it: the feed is rebuilt from the batches', unit: 'ms', values: statsMs },
    { what: 'the same, CPU', unit: 'ms', values: statsCpu },
    { what: 'the same, longest delay of the event loop (an idle one shows 10)', unit: 'ms', values: stalls },
  ];
}

/** The event loop's longest delay since the last call, in milliseconds. */
async function longestStall(gateway: GatewayProcess): Promise<number> {
  const lag = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await gateway.get('/metrics'));
  return 1000 * Number(lag?.[1]);
}

/** One process does all of it, so that the memory that each kind of work leaves behind adds up. */
async function serving(directory: string): Promise<Figure[]> {
  return withGateway(directory, async (gateway) => [
    ...(await reading(gateway)),
    ...(await exporting(gateway, 'ndjson')),
    ...(await exporting(gateway, 'csv')),
    ...(await takingIn(gateway)),
  ]);
}

async function withGateway<T>(directory: string, use: (gateway: GatewayProcess) => Promise<T>): Promise<T> {
  const gateway = await GatewayProcess.start({ directory });
  try {
    return await use(gateway);
  } finally {
    await gateway.stop();
  }
}
