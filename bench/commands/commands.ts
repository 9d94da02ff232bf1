import type { Figure } from '../support/figures.js';
import { updateText } from '../support/updates.js';
import { type Cost, CountedGateway } from './counted-gateway.js';

const ROUNDS = 3;
const BATCHES = 16;
const LENGTH = 150;
const STEP = 5;
/** Files on a page of the list of files. */
const LISTED = 20;
const CHANNEL = 'email_validation_results';

/** How an update gets to the gateway. */
type Send = (counted: CountedGateway, text: string) => Promise<unknown>;

const INLETS: Readonly<Record<string, Send>> = {
  HTTP: ({ gateway }, text) => gateway.post('/api/updates', text),
  'Pub/Sub': ({ producer }, text) => producer.publish(CHANNEL, text),
  Stream: ({ producer }, text) => producer.xadd(`${CHANNEL}:stream`, '*', 'data', text),
};

/** A cost for each round. */
type Costs = Map<string, Cost[]>;

/** With `EXPLAIN` set, each command is printed. */
const explained = (what: string): string | undefined =>
  process.env.EXPLAIN === undefined ? undefined : what;

/**
 * Benchmark: how many commands does the distributed engine send to its databases? Counted on the wire, so the figures are the
 * same on every machine. What an idle gateway sends by itself is left out.
 */
export async function commands(): Promise<Figure[]> {
  const counted = await CountedGateway.start();
  try {
    await counted.learnBackground();
    const costs: Costs = new Map();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, send] of Object.entries(INLETS)) await taking(counted, name, send, round, costs);
      await reading(counted, round, costs);
    }
    return figuresOf(costs);
  } finally {
    await counted.stop();
  }
}

/** The cost of updates by one inlet, and of the flushes that announce them. */
async function taking(counted: CountedGateway, name: string, send: Send, round: number, costs: Costs) {
  const { gateway } = counted;
  const fileId = `${name.replace('/', '')}-${round}`;
  const ids = Array.from({ length: BATCHES }, (_, n) => `${fileId}-${n}`);
  await registered(counted, fileId, ids);
  const note = noting(costs);
  const update = (batchId: string, count: number) =>
    send(counted, updateText({ batchId, first: 0, total: LENGTH }, count));
  const sent = async (batchIds: readonly string[], count: number) => {
    const before = await counted.updatesTaken();
    for (const [n, batchId] of batchIds.entries()) {
      await update(batchId, count);
      await counted.taken(before + n + 1);
    }
  };
  const measured = (what: string, work: () => Promise<unknown>) => counted.cost(work, explained(what));
  const stats = (what: string) => measured(what, () => gateway.get(`/api/files/${fileId}/stats`));
  const quiet = await stats(`${name}, quiet stats`);

  const fresh = await measured(`${name}, new batches`, () => sent(ids, STEP));
  note(`${name}, an update of a new batch`, divided(fresh, BATCHES));
  const freshFlush = await stats(`${name}, stats with new batches`);
  note(`a flush of ${BATCHES} new batches`, minus(freshFlush, quiet));

  const growing = await measured(`${name}, growing batches`, () => sent(ids, 2 * STEP));
  note(`${name}, an update of a batch that grows`, divided(growing, BATCHES));
  const growingFlush = await stats(`${name}, stats with growing batches`);
  note(`a flush of ${BATCHES} batches that grow`, minus(growingFlush, quiet));

  const atOnce = await measured(`${name}, ${BATCHES} updates at once`, async () => {
    const before = await counted.updatesTaken();
    await Promise.all(ids.map((batchId) => update(batchId, 3 * STEP)));
    await counted.taken(before + BATCHES);
  });
  note(`${name}, an update of ${BATCHES} batches at once`, divided(atOnce, BATCHES));
  await stats(`${name}, stats with all batches`);

  await sent(ids.slice(0, 1), 4 * STEP);
  const one = await stats(`${name}, stats with one growing batch`);
  note(`a flush of one batch that grows`, minus(one, quiet));
}

/** The cost of reads, with nothing pending and with an update pending. */
async function reading(counted: CountedGateway, round: number, costs: Costs) {
  const { gateway } = counted;
  const note = noting(costs);
  const files = Array.from({ length: LISTED }, (_, n) => `read-${round}-${n}`);
  for (const fileId of files) await registered(counted, fileId, [`${fileId}-0`]);
  const [fileId = ''] = files;
  let results = STEP;
  const change = () => {
    results += STEP;
    return gateway.post(
      '/api/updates',
      updateText({ batchId: `${fileId}-0`, first: 0, total: LENGTH }, results),
    );
  };
  const reads = {
    'a read of the stats': `/api/files/${fileId}/stats`,
    'a snapshot': `/api/files/${fileId}`,
    'a page of results': `/api/files/${fileId}/emails`,
    [`a page of ${LISTED} files in the list`]: `/api/files?limit=${LISTED}`,
  };
  for (const [what, path] of Object.entries(reads)) {
    await change();
    const pending = `${what}, something pending`;
    note(pending, await counted.cost(() => gateway.get(path), explained(pending)));
    // What a page leaves to be announced, the stats announce.
    await gateway.get(`/api/files/${fileId}/stats`);
    await gateway.get(path);
    note(what, await counted.cost(() => gateway.get(path), explained(what)));
  }
}

async function registered({ gateway }: CountedGateway, fileId: string, ids: readonly string[]) {
  const batches = ids.map((batchId) => ({ batchId, totalEmails: LENGTH }));
  await gateway.post(`/api/files/${fileId}/batches`, JSON.stringify({ batches }));
}

const noting = (costs: Costs) => (what: string, cost: Cost) =>
  void costs.set(what, [...(costs.get(what) ?? []), cost]);

const divided = ({ mongo, redis, redisCalls }: Cost, by: number): Cost => ({
  mongo: mongo / by,
  redis: redis / by,
  redisCalls: redisCalls / by,
});

const minus = (one: Cost, other: Cost): Cost => ({
  mongo: one.mongo - other.mongo,
  redis: one.redis - other.redis,
  redisCalls: one.redisCalls - other.redisCalls,
});

/** What MongoDB and Redis may be asked, at most. */
function goalOf(what: string): { mongo?: number; redis?: number } {
  if (what.includes('update of')) return { mongo: 1, redis: 1 };
  if (what.includes('flush of')) return { mongo: 3, redis: 1 };
  return what.includes('in the list') && !what.includes('pending') ? { mongo: 2 } : {};
}

function figuresOf(costs: Costs): Figure[] {
  return [...costs].flatMap(([what, values]) => {
    const { mongo, redis } = goalOf(what);
    const figure = (unit: keyof Cost, name: string, atMost?: number): Figure => ({
      what: `${what}: ${name}`,
      unit: '',
      values: values.map((cost) => cost[unit]),
      ...(atMost === undefined ? {} : { goal: { atMost } }),
    });
    const calls = figure('redisCalls', 'calls inside Redis scripts');
    return [
      figure('mongo', 'commands to MongoDB', mongo),
      figure('redis', 'commands to Redis', redis),
      ...(calls.values.some((value) => value > 0) ? [calls] : []),
    ];
  });
}
