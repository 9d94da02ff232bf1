/** Compares a gateway that has a small file with one that has a large file, over HTTP. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BATCH, type Dataset, FILE } from '../support/dataset.js';
import { type Figure, inTurns, ratios } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { addressOf, updateText } from '../support/updates.js';
import { GOAL, LARGE, READ_GOAL, ROUNDS, SMALL, STEP } from './sizes.js';

/** Long enough for the work that follows an answer: the flush, and the write-back of the database's log. */
const AFTERMATH_MS = 100;
const READS = 200;
const FRESH_BATCHES = 40;
const GROWING_BATCHES = 3;
const FILTER = 'status=risky&risk=medium';
const LIMIT = 50;

interface Side {
  readonly gateway: GatewayProcess;
  readonly size: number;
  /** Id of the file of that size. */
  readonly file: string;
  /** A different one for each block, so that its batches are new. */
  readonly block: string;
}

interface Question {
  readonly what: string;
  readonly changes: boolean;
  readonly goal: { readonly atMost: number };
  run(side: Side): Promise<void>;
}

const reads = async ({ gateway, file }: Side, path: string) => {
  for (let n = 0; n < READS; n++) await gateway.get(`/api/files/${file}/${path}`);
};

/** Reads come first, while the small file has its original size. */
const QUESTIONS: readonly Question[] = [
  { what: 'stats', changes: false, goal: GOAL, run: (side) => reads(side, 'stats') },
  {
    what: 'a page in the middle',
    changes: false,
    goal: GOAL,
    run: (side) => reads(side, `emails?limit=${LIMIT}&page=${Math.ceil(side.size / LIMIT / 2)}`),
  },
  {
    what: 'a page in the middle, by status and risk',
    changes: false,
    goal: GOAL,
    run: async (side) => {
      const answer = await side.gateway.get(`/api/files/${side.file}/emails?${FILTER}&limit=1`);
      const { pagination } = JSON.parse(answer) as { pagination: { total: number } };
      await reads(side, `emails?${FILTER}&limit=${LIMIT}&page=${Math.ceil(pagination.total / LIMIT / 2)}`);
    },
  },
  {
    what: 'a search that finds one address',
    changes: false,
    goal: READ_GOAL,
    run: (side) => reads(side, `emails?email=${encodeURIComponent(addressOf(side.size >> 1))}`),
  },
  {
    what: 'a search by domain and status that finds none',
    changes: false,
    goal: READ_GOAL,
    run: (side) => reads(side, 'emails?email=@nobody&status=risky,unknown'),
  },
  {
    what: 'a page of one rare result',
    changes: false,
    goal: READ_GOAL,
    run: (side) => reads(side, 'emails?reason=no_connect,blacklisted&risk=high&limit=1'),
  },
  {
    what: `an update with a new batch of ${BATCH}`,
    changes: true,
    goal: GOAL,
    run: async (side) => {
      for (let n = 0; n < FRESH_BATCHES; n++) await post(side, n, [BATCH]);
    },
  },
  {
    what: `an update that adds ${STEP}`,
    changes: true,
    goal: GOAL,
    run: async (side) => {
      const counts = Array.from({ length: BATCH / STEP }, (_, n) => (n + 1) * STEP);
      for (let n = 0; n < GROWING_BATCHES; n++) await post(side, n, counts);
    },
  },
];

async function post({ gateway, file, block }: Side, batch: number, counts: readonly number[]): Promise<void> {
  const batchId = `${block}-${batch}`;
  for (const count of counts) {
    const spec = { batchId, fileId: file, first: batch * BATCH, total: BATCH };
    await gateway.post('/api/updates', updateText(spec, count));
  }
}

/** Two gateways, each with one file. The large file's database is larger too, in every index. */
export async function ofGateways(small: Dataset, large: Dataset): Promise<Figure[]> {
  // Without an interval between flushes, every update is announced by a flush of its own on both sides.
  const env = { FLUSH_INTERVAL_MS: '0' };
  const gateways = {
    small: await GatewayProcess.start({ directory: small.directory, env }),
    large: await GatewayProcess.start({ directory: large.directory, env }),
  };
  try {
    const figures: Figure[] = [];
    for (const question of QUESTIONS) {
      const cpu = await inTurns(ROUNDS, {
        small: (round) => block(question, gateways.small, SMALL, round),
        large: (round) => block(question, gateways.large, LARGE, round),
      });
      figures.push({
        what: `${question.what} (gateway)`,
        unit: '×',
        values: ratios(cpu.large, cpu.small),
        goal: question.goal,
      });
    }
    return figures;
  } finally {
    await Promise.all([gateways.small.stop(), gateways.large.stop()]);
  }
}

/** CPU that a gateway needs for one block of a question. The first block is run twice and measured the second time. */
async function block(
  question: Question,
  gateway: GatewayProcess,
  size: number,
  round: number,
): Promise<number> {
  let cpu = 0;
  for (const turn of round === 0 ? ['warm', 'measured'] : ['measured']) {
    const name = `${question.what}-${round}-${turn}`.replaceAll(' ', '-');
    // A few updates would double the size of a small file, so each block gets a new one.
    const file = question.changes && size === SMALL ? await newFile(gateway, name) : FILE;
    const before = gateway.cpu;
    await question.run({ gateway, size, file, block: name });
    await sleep(AFTERMATH_MS);
    cpu = gateway.cpu - before;
  }
  return cpu;
}

async function newFile(gateway: GatewayProcess, name: string): Promise<string> {
  const file = `small-${name}`;
  for (let first = 0, n = 0; first < SMALL; first += BATCH, n++) {
    const total = Math.min(BATCH, SMALL - first);
    await gateway.post(
      '/api/updates',
      updateText({ batchId: `${file}-${n}`, fileId: file, first, total }, total),
    );
  }
  await gateway.get(`/api/files/${file}/stats`);
  await sleep(AFTERMATH_MS);
  return file;
}
