import { expect } from '@jest/globals';
import { keysOf } from '../../src/feed/redis/scripts.js';
import { expectComplete, untilReadiness } from '../support/checks.js';
import { describeWhere } from '../support/describe-where.js';
import { isThorough, thoroughTest } from '../support/effort.js';
import { atWork, expectAllComplete, LONG_MS, report, untilMoreEvents } from '../support/files-at-work.js';
import { expectSameBytes, Mirror, openRoom } from '../support/mirror.js';
import { describeWithOwnMongo } from '../support/mongo-server.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { redisSenders, STREAM } from '../support/redis-senders.js';
import { hasRedis } from '../support/redis-server.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SentinelServers } from '../support/sentinels.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';
import { onTeardown } from '../support/teardown.js';

// Only a thorough run has the time: to form a cluster takes seconds, and sentinels and nodes wait some before a failover.
if (!isThorough) report('SKIPPED: gateways on sentinels and on a cluster; set THOROUGH=1');

describeWithOwnMongo('gateways behind sentinels', () => {
  describeWhere(hasRedis, 'redis-server is not on the PATH', 'with a primary and two replicas', () => {
    thoroughTest(
      'lose nothing when the primary is killed in the middle of a file, twice',
      async () => {
        const servers = await SentinelServers.start();
        onTeardown(() => servers.stop());
        const work = await atWork(servers.url, servers.servers);
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
      480_000,
    );
  });
});

describeWithOwnMongo('gateways on a Redis Cluster', () => {
  describeWhere(hasRedis, 'redis-server is not on the PATH', 'of three primaries and three replicas', () => {
    thoroughTest('take in, announce and complete files by every inlet', async () => {
      const cluster = await RedisCluster.start();
      onTeardown(() => cluster.stop());
      const work = await atWork(cluster.url, cluster.nodes);
      const nodes = [cluster.nodes[0], cluster.nodes.at(-1)];
      const fileIds = ['m0', 'm1', 'm2'];
      const mirrors = await Promise.all(
        fileIds.map((fileId) => Promise.all(nodes.map((node) => Mirror.of(node?.url ?? '', fileId)))),
      );
      const rooms = await Promise.all(
        fileIds.map((fileId) => Promise.all(work.urls.map((url) => openRoom(url, fileId)))),
      );
      const producer = new RetryingProducer(() => work.urls);
      const { pubsub, stream } = redisSenders(cluster.url);
      const wires = [undefined, pubsub, stream];
      const files = await Promise.all(
        fileIds.map((fileId, i) => new SimulatedWorkers(fileId, 2, producer, wires[i]).start()),
      );
      await Promise.all(mirrors.flat().map((mirror) => mirror.until(() => mirror.received.length > 40)));
      await Promise.all(files.map((file) => file.stop()));
      for (const [i, fileId] of fileIds.entries()) {
        await expectComplete(work.urls, (files[i] as SimulatedWorkers).oracle, [], LONG_MS);
        await expectSameBytes(work.urls, fileId, mirrors[i] ?? [], rooms[i] ?? []);
      }
      await expectAllComplete(work);
    });

    thoroughTest(
      'lose nothing when slots move in the middle of files',
      async () => {
        const cluster = await RedisCluster.start();
        onTeardown(() => cluster.stop());
        const work = await atWork(cluster.url, cluster.nodes);
        const keys = work.files.map(({ fileId }) => keysOf(work.prefix, fileId).head);
        for (const key of [...keys, STREAM]) {
          await cluster.moveSlotOf(key);
          const waited = await untilMoreEvents(work.listeners);
          report(`a slot has moved: the last listener heard of its file again after ${waited} ms`);
        }
        await expectAllComplete(work);
      },
      480_000,
    );

    thoroughTest(
      'lose nothing when a primary is killed in the middle of files, another one, and then the whole cluster',
      async () => {
        const cluster = await RedisCluster.start();
        onTeardown(() => cluster.stop());
        const work = await atWork(cluster.url, cluster.nodes);
        for (const [number, primary] of cluster.nodes.slice(0, 2).entries()) {
          await primary.kill();
          const waited = await untilMoreEvents(work.listeners);
          report(`primary ${number}: the last listener heard of its file again after ${waited} ms`);
          await primary.startAgain();
        }
        await cluster.untilSafe();
        await Promise.all(cluster.nodes.map((node) => node.kill()));
        await Promise.all(work.urls.map((url) => untilReadiness(url, 'redis')));
        await Promise.all(cluster.nodes.map((node) => node.startAgain()));
        const waited = await untilMoreEvents(work.listeners);
        report(`the whole cluster: the last listener heard of its file again after ${waited} ms`);
        await expectAllComplete(work);
      },
      300_000,
    );
  });
});
