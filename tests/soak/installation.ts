/** Gateways that a soak disturbs: one on SQLite, or two on MongoDB and Redis. */
import { setTimeout as pause } from 'node:timers/promises';
import { ownNames } from '../support/cluster.js';
import { collectedHeap, type Memory } from '../support/collected-heap.js';
import { freeze } from '../support/freeze.js';
import { type GatewayProcess, spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { MongoServer } from '../support/mongo-server.js';
import { redisSenders } from '../support/redis-senders.js';
import { RedisServer } from '../support/redis-server.js';
import type { Send } from '../support/simulated-workers.js';
import { onTeardown } from '../support/teardown.js';

const FROZEN_MS = 6_000;
const DOWN_MS = 2_000;

export interface Installation {
  readonly gateways: readonly GatewayProcess[];
  readonly faults: readonly Fault[];
  /** How updates reach it: undefined is HTTP. */
  readonly wires: readonly (Send | undefined)[];
  /** Of the gateways together, their garbage collected. */
  memory(): Promise<Memory>;
}

export interface Fault {
  readonly name: string;
  /** Fulfilled when what was taken away is back. */
  strike(): Promise<void>;
}

type Seat = ReturnType<typeof seat>;

/** The place of a gateway: who stands in it is replaced. */
function seat(env: NodeJS.ProcessEnv) {
  const heap = collectedHeap();
  const start = () => spawnGateway({ ...env, ...heap.env });
  return { start, heap };
}

async function occupied(seats: readonly Seat[]) {
  const gateways = await Promise.all(seats.map(({ start }) => start()));
  let turn = 0;
  const ends = (signal: NodeJS.Signals) => async () => {
    const at = turn++ % seats.length;
    await gateways[at]?.end(signal);
    gateways[at] = await (seats[at] as Seat).start();
  };
  const frozen = async () => {
    const goOn = await freeze(gateways[turn++ % seats.length]?.child);
    await pause(FROZEN_MS);
    goOn();
  };
  const faults: Fault[] = [
    { name: 'a gateway is killed', strike: ends('SIGKILL') },
    { name: 'a gateway is stopped and another started', strike: ends('SIGTERM') },
    { name: 'a gateway hangs', strike: frozen },
  ];
  const memory = async () => {
    const each = await Promise.all(seats.map(({ heap }, at) => heap.of(gateways[at] as GatewayProcess)));
    return each.reduce((a, b) => ({ heapUsed: a.heapUsed + b.heapUsed, rss: a.rss + b.rss }));
  };
  return { gateways, faults, memory };
}

/** Away for a while, and back with what was acknowledged. */
async function away(server: { kill(): Promise<void> }, back: () => Promise<void>): Promise<void> {
  await server.kill();
  await pause(DOWN_MS);
  await back();
}

export async function embedded(): Promise<Installation> {
  const { gateways, faults, memory } = await occupied([seat({ DATA_DIR: temporaryDirectory() })]);
  return { gateways, faults, memory, wires: [undefined] };
}

export async function distributed(): Promise<Installation> {
  const [mongo, redis] = await Promise.all([MongoServer.start(), RedisServer.start({ persistent: true })]);
  onTeardown(() => mongo.stop());
  onTeardown(() => redis.stop());
  const env = { MONGODB_URI: mongo.newUri(), REDIS_URL: redis.url, ...ownNames(), STREAM_IDLE_MS: '5000' };
  const { gateways, faults, memory } = await occupied([seat(env), seat(env)]);
  const { pubsub, stream } = redisSenders(redis.url);
  const hung = async (server: MongoServer | RedisServer) => {
    const goOn = await server.freeze();
    await pause(FROZEN_MS);
    goOn();
  };
  return {
    gateways,
    memory,
    wires: [undefined, pubsub, stream],
    faults: [
      ...faults,
      { name: 'Redis is killed', strike: () => away(redis, () => redis.startAgain()) },
      { name: 'Redis hangs', strike: () => hung(redis) },
      { name: 'MongoDB is killed', strike: () => away(mongo, () => mongo.start()) },
      { name: 'MongoDB hangs', strike: () => hung(mongo) },
    ],
  };
}
