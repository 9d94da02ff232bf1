/** What becomes of files while one shard of a cluster hangs, or all of them (thorough run). */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import calculateSlot from 'cluster-key-slot';
import { keysOf } from '../../src/feed/redis/scripts.js';
import { readinessOf, untilReadiness } from '../support/checks.js';
import { describeWhere } from '../support/describe-where.js';
import { thoroughTest } from '../support/effort.js';
import { atWork, expectAllComplete, report, untilMoreEvents } from '../support/files-at-work.js';
import type { StrictListener } from '../support/listener.js';
import { describeWithOwnMongo } from '../support/mongo-server.js';
import type { Message } from '../support/producer.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { CHANNEL, redisSenders, STREAM } from '../support/redis-senders.js';
import { hasRedis, plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';

/** How long a shard hangs. */
const HANG_S = 20;

describeWithOwnMongo('gateways on a Redis Cluster', () => {
  describeWhere(hasRedis, 'redis-server is not on the PATH', 'of which nodes hang', () => {
    thoroughTest(
      'go on with every other file while one shard hangs, and with all of them after the whole cluster hung',
      async () => {
        // So long that no replica takes over.
        const cluster = await RedisCluster.start({ nodeTimeoutMs: 120_000 });
        onTeardown(() => cluster.stop());
        const hungShard = (cluster.shardOf(calculateSlot(STREAM)) + 1) % 3;
        const shardOf = (name: string, prefix: string) =>
          cluster.shardOf(calculateSlot(keysOf(prefix, name).channel));
        /** The file that comes by HTTP is on the shard that hangs, the others are not. */
        const nameOf = (number: number, prefix: string) => {
          for (let i = 0; ; i++) {
            const name = `f${number}.${i}`;
            if ((shardOf(name, prefix) === hungShard) === (number === 0)) return name;
          }
        };
        // No key for each batch: many of those would be on the shard that hangs.
        const publisher = plainClient(cluster.primaries[(hungShard + 1) % 3]?.url ?? '');
        const pubsub = async (update: Message) =>
          void (await publisher.publish(CHANNEL, JSON.stringify(update)));
        const senders = { ...redisSenders(cluster.url), pubsub };
        const work = await atWork(cluster.url, cluster.nodes, { nameOf, senders });
        const isHung = ({ fileId }: StrictListener) => fileId === work.files[0]?.fileId;

        const goOn = (await cluster.primaries[hungShard]?.freeze()) ?? (() => undefined);
        onTeardown(goOn);
        let counts = work.listeners.map(({ events }) => events.length);
        const quietSeconds = work.listeners.map(() => 0);
        const unready: unknown[] = [];
        for (let second = 0; second < HANG_S; second++) {
          await pause(1_000);
          for (const url of work.urls) {
            const readiness = await readinessOf(url);
            if (readiness.status !== 200) unready.push([second, ...readiness.reasons]);
          }
          const now = work.listeners.map(({ events }) => events.length);
          for (const [i, count] of now.entries())
            if (count === counts[i]) quietSeconds[i] = (quietSeconds[i] ?? 0) + 1;
          counts = now;
        }
        goOn();
        report(`one shard hung for ${HANG_S} s: seconds without an event ${JSON.stringify(quietSeconds)}`);
        for (const [i, listener] of work.listeners.entries()) {
          if (isHung(listener)) expect(quietSeconds[i]).toBeGreaterThan(HANG_S / 2);
          else expect(quietSeconds[i]).toBeLessThan(HANG_S / 4);
        }
        expect(unready).toEqual([]);
        report(`and its file went on ${await untilMoreEvents(work.listeners)} ms after it was back`);

        const allGoOn = await Promise.all(cluster.primaries.map((node) => node.freeze()));
        for (const goOn of allGoOn) onTeardown(goOn);
        await Promise.all(work.urls.map((url) => untilReadiness(url, 'redis')));
        for (const goOn of allGoOn) goOn();
        await Promise.all(work.urls.map((url) => untilReadiness(url)));
        await untilMoreEvents(work.listeners);
        await expectAllComplete(work);
      },
      240_000,
    );
  });
});
