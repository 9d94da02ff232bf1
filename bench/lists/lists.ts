import { LoadProcess } from '../load/load-process.js';
import { emptyDataset } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { forgetPeak } from '../support/usage.js';

const ROWS = 1_000_000;
const SOCKETS = 200;
const UPDATES_PER_SECOND = 30;
const ROUNDS = 3;

/** Benchmark: how fast is a list of a million rows taken in, at which memory, and does the event loop stay free meanwhile? */
export async function lists(): Promise<Figure[]> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory, env: { REQUEST_TIMEOUT_MS: '3600000' } });
  const load = await LoadProcess.start({
    url: gateway.url,
    files: ['file-0'],
    listeners: Array.from({ length: SOCKETS }, () => 'file-0'),
    active: 6,
    start: 50,
    step: 5,
    updatesPerSecond: UPDATES_PER_SECOND,
  });
  const list = customers();
  const rounds: Round[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) rounds.push(await upload(gateway, list));
  } finally {
    await load.stop();
    await gateway.stop();
    remove();
  }
  return figures(rounds, Buffer.byteLength(list) / 2 ** 20);
}

/** Four columns; one address in twenty is a repeat. */
function customers(): string {
  const rows = ['E-Mail;First name;Last name;Company\r\n'];
  for (let row = 0; row < ROWS; row++)
    rows.push(
      `user${row % (ROWS * 0.95)}@example${row % 5_000}.com;Ann ${row % 97};Lee;"Acme; No. ${row % 13}"\r\n`,
    );
  return rows.join('');
}

interface Round {
  readonly rowsPerSecond: number;
  readonly rowsPerCpuSecond: number;
  readonly mainCpuShare: number;
  readonly peak: number;
  readonly p99: number;
  readonly waited: number;
}

async function upload(gateway: GatewayProcess, list: string): Promise<Round> {
  await lagOf(gateway);
  forgetPeak(gateway.pid);
  const [startedAt, cpu, mainCpu, waited] = [performance.now(), gateway.cpu, gateway.mainCpu, gateway.waited];
  const { listId, rows } = JSON.parse(await gateway.post('/api/lists?name=customers.csv', list)) as {
    listId: string;
    rows: number;
  };
  if (rows !== ROWS) throw new Error(`the gateway has read ${rows} rows`);
  const ms = performance.now() - startedAt;
  const round = {
    rowsPerSecond: ROWS / (ms / 1000),
    rowsPerCpuSecond: ROWS / ((gateway.cpu - cpu) / 1000),
    mainCpuShare: (100 * (gateway.mainCpu - mainCpu)) / ms,
    peak: gateway.memory.peak,
    waited: (100 * (gateway.waited - waited)) / ms,
    p99: await lagOf(gateway),
  };
  await gateway.delete(`/api/lists/${listId}`);
  return round;
}

/** The 99th percentile since the last call: the time between two runs of a 10 ms timer, so an idle process shows 10. */
async function lagOf(gateway: GatewayProcess): Promise<number> {
  const text = await gateway.get('/metrics');
  return 1000 * Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]);
}

function figures(rounds: readonly Round[], mebibytes: number): Figure[] {
  const of = (field: keyof Round) => rounds.map((round) => round[field]);
  const list = `a list of ${ROWS.toLocaleString('en')} rows, ${Math.round(mebibytes)} MiB`;
  return [
    {
      what: `${list}: uploaded, stored and read`,
      unit: 'rows/s',
      values: of('rowsPerSecond'),
      goal: { atLeast: 100_000 },
    },
    { what: 'rows for each second of CPU, all threads', unit: 'rows/s', values: of('rowsPerCpuSecond') },
    { what: 'most resident memory', unit: 'MB', values: of('peak'), goal: { atMost: 300 } },
    {
      what: `event loop delay beside ${SOCKETS} sockets, p99 (an idle loop shows 10)`,
      unit: 'ms',
      values: of('p99'),
      goal: { atMost: 20 },
    },
    { what: 'main thread running', unit: '%', values: of('mainCpuShare') },
    { what: 'main thread waiting for a processor', unit: '%', values: of('waited') },
  ];
}
