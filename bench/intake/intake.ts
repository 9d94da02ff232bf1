import { setTimeout as sleep } from 'node:timers/promises';
import { install } from '../distributed/installation.js';
import { Listener } from '../load/listener.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import { type Figure, inTurns, median, ratios } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { updateText } from '../support/updates.js';
import { ownCpu } from '../support/usage.js';

const FILE = 'intake';
const STEP = 5;
const ROUNDS = 5;
/** Blocks that are not measured: the gateway's code is still being compiled, by threads whose time counts. */
const WARM_UPS = 12;
const FRESH_IN_BLOCK = 32;
/**
 * As many as the validator's workers send in parallel. A gateway that gets one request at a time never shares a commit.
 */
const AT_ONCE = 8;
const PARSES_OF_EACH = 3;
/** Longer than a flush and the writes after it. */
const AFTERMATH_MS = 250;
const MAX_TRIES = 60;

/** The gateway's CPU for an update, in multiples of parsing it once, at most. */
const GOALS = { embedded: { fresh: 7, growing: 3.5 }, distributed: { fresh: 10, growing: 6 } };

/** Benchmark: what does an update cost from its arrival to its listener, in multiples of parsing it once? */
export async function intake(): Promise<Figure[]> {
  return [...(await onEngine('embedded', embedded)), ...(await onEngine('distributed', distributed))];
}

interface Engine {
  readonly gateway: GatewayProcess;
  stop(): Promise<void>;
}

async function embedded(): Promise<Engine> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory });
  return { gateway, stop: () => gateway.stop().finally(remove) };
}

async function distributed(): Promise<Engine> {
  const installation = await install(1);
  const [gateway] = installation.gateways;
  if (gateway === undefined) throw new Error('there is no gateway');
  await connected(gateway);
  return { gateway, stop: () => installation.stop() };
}

/** A gateway listens before it is connected to its database. */
async function connected(gateway: GatewayProcess): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await gateway.get(`/api/files/${FILE}/stats`);
      return;
    } catch (error) {
      if (String(error).includes(': 404 ')) return;
      if (tries === MAX_TRIES) throw error;
      await sleep(AFTERMATH_MS);
    }
  }
}

async function onEngine(name: keyof typeof GOALS, start: () => Promise<Engine>): Promise<Figure[]> {
  const { gateway, stop } = await start();
  const { fresh, growing } = GOALS[name];
  const listener = await Listener.connect(gateway.url, FILE);
  try {
    return [
      ...(await measured(`${name}, a new batch of ${BATCH}`, gateway, freshBlock, fresh)),
      ...(await measured(
        `${name}, a batch that grows to ${BATCH} by ${STEP}`,
        gateway,
        growingBlock,
        growing,
      )),
    ];
  } finally {
    listener.end();
    await stop();
  }
}

/** Batches with the updates of each, in order. */
type Block = readonly { readonly batchId: string; readonly texts: readonly string[] }[];

const freshBlock = (name: string): Block =>
  Array.from({ length: FRESH_IN_BLOCK }, (_, index) => batch(`${name}-${index}`, index, [BATCH]));

const growingBlock = (name: string): Block => {
  const counts = Array.from({ length: BATCH / STEP }, (_, index) => (index + 1) * STEP);
  return Array.from({ length: AT_ONCE }, (_, index) => batch(`${name}-${index}`, index, counts));
};

const batch = (batchId: string, index: number, counts: readonly number[]) => ({
  batchId,
  texts: counts.map((count) => updateText({ batchId, first: index * BATCH, total: BATCH }, count)),
});

async function measured(
  what: string,
  gateway: GatewayProcess,
  blockOf: (name: string) => Block,
  atMost: number,
): Promise<Figure[]> {
  const name = (round: number | string) => `${what}-${round}`.replaceAll(/\W+/g, '-');
  for (let n = 0; n < WARM_UPS; n++) await handled(gateway, blockOf(name(`warm-${n}`)));
  const main: number[] = [];
  const cpu = await inTurns(ROUNDS, {
    handled: async (round) => {
      const used = await handled(gateway, blockOf(name(round)));
      main.push(used.main);
      return used.all;
    },
    parsed: (round) => parsed(blockOf(name(round))),
  });
  const lastBlock = blockOf(name('allocated'));
  const allocated = await gateway.allocatedDuring(() => handled(gateway, lastBlock));
  const block = blockOf('x').flatMap(({ texts }) => texts);
  const bytes = block.reduce((sum, text) => sum + text.length, 0) / block.length;
  return [
    {
      what: `${what}: CPU of the gateway ÷ one JSON.parse of the same`,
      unit: '×',
      values: ratios(cpu.handled, cpu.parsed),
      goal: { atMost },
    },
    { what: `${what}: CPU of the gateway for an update`, unit: 'ms', values: cpu.handled },
    { what: `${what}: of it on the main thread`, unit: 'ms', values: main },
    {
      what: `${what}: allocated on the main thread for an update`,
      unit: 'kB',
      values: [allocated / 1000 / updatesIn(lastBlock)],
    },
    {
      what: `${what}: JSON.parse of an update, ${Math.round(bytes / 1000)} kB in the mean`,
      unit: 'ms',
      values: [median(cpu.parsed)],
    },
  ];
}

/** CPU milliseconds of the gateway for each update of the block. */
async function handled(gateway: GatewayProcess, block: Block): Promise<{ all: number; main: number }> {
  const batches = block.map(({ batchId }) => ({ batchId, totalEmails: BATCH }));
  await gateway.post(`/api/files/${FILE}/batches`, JSON.stringify({ batches }));
  await sleep(AFTERMATH_MS);
  const before = { all: gateway.cpu, main: gateway.mainCpu };
  const waiting = [...block];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const text of next.texts) await gateway.post('/api/updates', text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await sleep(AFTERMATH_MS);
  const updates = updatesIn(block);
  return { all: (gateway.cpu - before.all) / updates, main: (gateway.mainCpu - before.main) / updates };
}

async function parsed(block: Block): Promise<number> {
  const texts = block.flatMap((batch) => batch.texts);
  const cpu = await ownCpu(() => {
    for (let n = 0; n < PARSES_OF_EACH; n++) for (const text of texts) JSON.parse(text);
  });
  return cpu / PARSES_OF_EACH / texts.length;
}

const updatesIn = (block: Block): number => block.reduce((sum, { texts }) => sum + texts.length, 0);
