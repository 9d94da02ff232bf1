import { BATCH } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import type { GatewayProcess } from '../support/gateway.js';
import { paced } from '../support/pace.js';
import { counted, type Installation, install } from './installation.js';
import { interleaved, type Message } from './publisher.js';

/** The rate of the real validator, as recorded, for 20,000 addresses that need no checks. */
const ADDRESSES = 20_000;
const STEP = 5;
const WITHIN_MS = 8_000;
const FILE = 'distributed';

/** Benchmark: do two gateways on MongoDB and Redis keep up when the validator publishes as fast as it can? */
export async function distributed(): Promise<Figure[]> {
  const installation = await install(2);
  try {
    const batches = Array.from({ length: Math.ceil(ADDRESSES / BATCH) }, (_, index) => `${FILE}-${index}`);
    const list = {
      totalEmails: batches.length * BATCH,
      batches: batches.map((batchId) => ({ batchId, totalEmails: BATCH })),
    };
    await first(installation).post(`/api/files/${FILE}/batches`, JSON.stringify(list));
    return await measured(installation, interleaved(batches, STEP));
  } finally {
    await installation.stop();
  }
}

async function measured(installation: Installation, messages: readonly Message[]): Promise<Figure[]> {
  const { gateways, redis, mongo, publisher } = installation;
  const before = await publisher.subscribers();
  const cpu = { gateways: gateways.map((gateway) => gateway.cpu), redis: redis.cpu, mongo: mongo.cpu };
  const startedAt = performance.now();
  let longest = 0;
  await paced(messages.length, messages.length / (WITHIN_MS / 1000), async (index) => {
    await publisher.publish(messages[index] as Message);
    if (index % 50 === 0) longest = Math.max(longest, (await publisher.subscribers()).waitingBytes);
  });
  const publishedAt = performance.now();
  await Promise.all(gateways.map((gateway) => gateway.completed(FILE)));
  const wholeAt = performance.now();
  const after = await publisher.subscribers();
  const sum = async (name: string, labels?: string) =>
    (await Promise.all(gateways.map((gateway) => counted(gateway, name, labels)))).reduce((a, b) => a + b, 0);
  const megabytes = messages.reduce((bytes, { text }) => bytes + Buffer.byteLength(text), 0) / 1e6;
  const one = (what: string, unit: string, value: number, goal?: Figure['goal']): Figure => ({
    what,
    unit,
    values: [value],
    ...(goal === undefined ? {} : { goal }),
  });
  return [
    one('messages published', '', messages.length),
    one('bytes published', 'MB', megabytes),
    one('time that it took', 's', (publishedAt - startedAt) / 1000),
    one('subscribers that Redis cut off', '', [...before.ids].filter((id) => !after.ids.has(id)).length, {
      atMost: 0,
    }),
    one('longest queue of a subscriber in Redis (it cuts off at 32 MB)', 'MB', longest / 1e6),
    one('from the last message to the whole file, at both gateways', 's', (wholeAt - publishedAt) / 1000),
    one('updates stored', '', await sum('verigate_updates_total')),
    one('updates conflated away', '', await sum('verigate_updates_conflated_total')),
    ...gateways.map((gateway, index) =>
      one(`CPU of gateway ${index + 1}`, 's', (gateway.cpu - (cpu.gateways[index] ?? 0)) / 1000),
    ),
    one('CPU of Redis', 's', (redis.cpu - cpu.redis) / 1000),
    one('CPU of the database', 's', (mongo.cpu - cpu.mongo) / 1000),
  ];
}

function first({ gateways: [gateway] }: Installation): GatewayProcess {
  if (gateway === undefined) throw new Error('there is no gateway');
  return gateway;
}
