import { expect, test } from '@jest/globals';
import { keysOf } from '../../src/feed/redis/scripts.js';
import { expectComplete, expectHealthy, untilReadiness } from '../support/checks.js';
import { ownNames, spawnGateways } from '../support/cluster.js';
import { describeWhere } from '../support/describe-where.js';
import { effort } from '../support/effort.js';
import type { GatewayProcess } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnMongo, MongoServer } from '../support/mongo-server.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { redisSenders, STREAM } from '../support/redis-senders.js';
import { hasRedis } from '../support/redis-server.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SentinelServers } from '../support/sentinels.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';
import { onTeardown } from '../support/teardown.js';

const LONG_MS = 60_000;
const SOON = { FLUSH_INTERVAL_MS: '20', STREAM_IDLE_MS: '1000', STALL_AFTER_MS: '1500' };
/** Only a thorough run has the time: to form a cluster takes seconds, and sentinels and nodes wait some before a failover. */
const thorough = effort(0, 1) === 1 ? test : test.skip;

/** Two gateways, and three files at work: by HTTP, Pub/Sub and the Stream. */
async function atWork(redisUrl: string) {
  const mongo = await MongoServer.start();
  onTeardown(() => mongo.stop());
  const env = { MONGODB_URI: mongo.newUri(), REDIS_URL: redisUrl, ...ownNames() };
  const gateways = await spawnGateways(2, { ...env, ...SOON });
  const urls = gateways.map(({ url }) => url);
  const producer = new RetryingProducer(() => urls);
  const { pubsub, stream } = redisSenders(redisUrl);
  const files = [undefined, pubsub, stream].map(
    (wire, number) => new SimulatedWorkers(`f${number}`, 1, producer, wire),
  );
  const listeners = await Promise.all(
    urls.flatMap((url) =>
      files.map(({ fileId }) => new StrictListener(fileId, { isPatient: true }).join(url)),
    ),
  );
  await Promise.all(files.map((file) => file.start(1)));
  await untilMoreEvents(listeners);
  return { gateways, urls, files, listeners, prefix: env.KEY_PREFIX };
}

/** Fulfilled when every listener got something new; returns how long the last one waited, in milliseconds. */
async function untilMoreEvents(listeners: readonly StrictListener[], more = 5): Promise<number> {
  const before = listeners.map(({ events }) => events.length);
  const startedAt = performance.now();
  await Promise.all(
    listeners.map((listener, i) =>
      listener.until(() => listener.events.length >= (before[i] ?? 0) + more, LONG_MS),
    ),
  );
  return Math.round(performance.now() - startedAt);
}

async function expectAllComplete({ gateways, urls, files, listeners }: Awaited<ReturnType<typeof atWork>>) {
  await Promise.all(urls.map((url) => untilReadiness(url)));
  for (const file of files) {
    await file.stop();
    const own = listeners.filter(({ fileId }) => fileId === file.fileId);
    await expectComplete(urls, file.oracle, own, LONG_MS);
  }
  expect(listeners.map(({ isConnected }) => isConnected)).toEqual(listeners.map(() => true));
  for (const gateway of gateways as GatewayProcess[]) expectHealthy(gateway);
}

if (effort(0, 1) === 0) report('SKIPPED: gateways on sentinels and on a cluster; set THOROUGH=1');

function report(text: string): void {
  process.stderr.write(`tests: ${text}\n`);
}

describeWithOwnMongo('gateways behind sentinels', () => {
  describeWhere(hasRedis, 'redis-server is not on the PATH', 'with a primary and two replicas', () => {
    thorough(
      'lose nothing when the primary is killed in the middle of a file, twice',
      async () => {
        const servers = await SentinelServers.start();
        onTeardown(() => servers.stop());
        const work = await atWork(servers.url);
        for (const round of [1, 2]) {
          const primary = await servers.primary();
          await primary.kill();
          const waited = await untilMoreEvents(work.listeners);
          report(`failover ${round} of 2: the last listener heard of its file again after ${waited} ms`);
          expect(await servers.primary()).not.toBe(primary);
          // It comes back as a replica of the new one.
          await primary.startAgain();
          await servers.untilSafe();
        }
        await expectAllComplete(work);
      },
      240_000,
    );
  });
});

describeWithOwnMongo('gateways on a Redis Cluster', () => {
  describeWhere(hasRedis, 'redis-server is not on the PATH', 'of three primaries and three replicas', () => {
    thorough(
      'take in, announce and complete files by every inlet',
      async () => {
        const cluster = await RedisCluster.start();
        onTeardown(() => cluster.stop());
        await expectAllComplete(await atWork(cluster.url));
      },
      120_000,
    );

    thorough(
      'lose nothing when slots move in the middle of files',
      async () => {
        const cluster = await RedisCluster.start();
        onTeardown(() => cluster.stop());
        const work = await atWork(cluster.url);
        const keys = work.files.map(({ fileId }) => keysOf(work.prefix, fileId).head);
        for (const key of [...keys, STREAM]) {
          await cluster.moveSlotOf(key);
          const waited = await untilMoreEvents(work.listeners);
          report(`a slot has moved: the last listener heard of its file again after ${waited} ms`);
        }
        await expectAllComplete(work);
      },
      240_000,
    );

    thorough(
      'lose nothing when a primary is killed in the middle of files',
      async () => {
        const cluster = await RedisCluster.start();
        onTeardown(() => cluster.stop());
        const work = await atWork(cluster.url);
        for (const [number, primary] of cluster.nodes.slice(0, 2).entries()) {
          await primary.kill();
          const waited = await untilMoreEvents(work.listeners);
          report(`primary ${number}: the last listener heard of its file again after ${waited} ms`);
          await primary.startAgain();
        }
        await expectAllComplete(work);
      },
      240_000,
    );
  });
});
