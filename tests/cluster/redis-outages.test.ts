import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { expectComplete, expectHealthy, expectUnavailable, untilReadiness } from '../support/checks.js';
import { describeWithOwnServers, spawnGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { StrictListener } from '../support/listener.js';
import { redisSenders } from '../support/redis-senders.js';
import type { RedisServer } from '../support/redis-server.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';

/** How long Redis hangs. Commands time out after 3 s. */
const HANGS_MS = effort(4_000, 5_000);

/** Generous, for a busy machine. */
const LONG_MS = 30_000;

/** Short times, so that missed messages are soon looked up. */
const SOON = { FLUSH_INTERVAL_MS: '20', STREAM_IDLE_MS: '1000', STALL_AFTER_MS: '1500' };

interface Trouble {
  readonly name: string;
  readonly persistent: boolean;
  begin(redis: RedisServer): Promise<() => Promise<void>>;
}

const troubles: Trouble[] = [
  {
    name: 'hangs',
    persistent: false,
    async begin(redis) {
      const thaw = await redis.freeze();
      const over = pause(HANGS_MS);
      return () => over.then(thaw);
    },
  },
  {
    name: 'is killed and comes back empty',
    persistent: false,
    async begin(redis) {
      await redis.kill();
      return () => redis.startAgain({ empty: true });
    },
  },
  {
    name: 'is killed and comes back with its data',
    persistent: true,
    async begin(redis) {
      await redis.kill();
      return () => redis.startAgain();
    },
  },
];

describeWithOwnServers('while Redis is away', (start) => {
  test.each(troubles)('because it $name', async ({ persistent, begin }) => {
    const servers = await start({ persistent });
    const gateways = await spawnGateways(2, { ...servers.env, ...SOON });
    const urls = gateways.map(({ url }) => url);
    const producer = new RetryingProducer(() => urls);
    const { pubsub, stream } = redisSenders(servers.env.REDIS_URL);
    const [byHttp, ...others] = [undefined, pubsub, stream].map(
      (wire, number) => new SimulatedWorkers(`f${number}`, 1, producer, wire),
    ) as [SimulatedWorkers, SimulatedWorkers, SimulatedWorkers];
    const groups = [byHttp, ...others];
    const listeners = await listenersOn(urls, groups);
    await Promise.all(groups.map((workers) => workers.start(1)));
    await Promise.all(listeners.map((listener) => listener.until(() => listener.events.length > 5, LONG_MS)));

    const end = await begin(servers.redis);
    await Promise.all(urls.map((url) => untilReadiness(url, 'redis')));
    for (const path of ['', '/stats']) await expectUnavailable(`${urls[0]}/api/files/f0${path}`);
    // What needs only the database still works: pages and exports are read, updates are accepted.
    expect((await fetch(`${urls[0]}/api/files/f0/emails`)).status).toBe(200);
    const taken = byHttp.sent;
    await eventually('updates are taken', () => byHttp.sent > taken + 5, LONG_MS);
    await end();

    await Promise.all(urls.map((url) => untilReadiness(url)));
    const announced = listeners.map(({ events }) => events.length);
    await Promise.all(
      listeners.map((listener, i) =>
        listener.until(() => listener.events.length > (announced[i] ?? 0), LONG_MS),
      ),
    );
    for (const workers of groups) {
      await workers.stop();
      const own = listeners.filter(({ fileId }) => fileId === workers.fileId);
      await expectComplete(urls, workers.oracle, own, LONG_MS);
    }
    // No listener had to reconnect.
    expect(listeners.map(({ isConnected }) => isConnected)).toEqual(listeners.map(() => true));
    for (const gateway of gateways) expectHealthy(gateway);
  });
});

/** At each gateway: listeners of every kind on the first file, and one on each other file. */
const listenersOn = (
  urls: readonly string[],
  groups: readonly SimulatedWorkers[],
): Promise<StrictListener[]> =>
  Promise.all(
    urls.flatMap((url) => [
      ...groups.map(({ fileId }) => new StrictListener(fileId, { isPatient: true }).join(url)),
      new StrictListener('f0', { isPatient: true, feeds: ['emails'], transports: ['polling'] }).join(url),
      new StrictListener('f0', { isPatient: true, feeds: ['stats'] }).join(url),
    ]),
  );
