import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { expectComplete, expectHealthy, expectUnavailable, untilReadiness } from '../support/checks.js';
import { describeWithOwnServers, type OwnServers, spawnGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { StrictListener } from '../support/listener.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';
import { retry } from '../support/wait.js';

/** How long MongoDB is away. */
const AWAY_MS = effort(2_500, 10_000);

/** Generous, for a busy machine. */
const LONG_MS = 30_000;

const troubles: [string, (servers: OwnServers) => Promise<() => Promise<unknown>>][] = [
  [
    'was killed',
    async ({ mongo }) => {
      await mongo.kill();
      return () => mongo.start();
    },
  ],
  [
    'hangs',
    async ({ mongo }) => {
      mongo.pause();
      return async () => mongo.resume();
    },
  ],
];

describeWithOwnServers('while MongoDB is away', (start) => {
  test.each(troubles)(
    'because it %s',
    async (_, trouble) => {
      const servers = await start();
      const gateways = await spawnGateways(2, { ...servers.env, FLUSH_INTERVAL_MS: '20' });
      const urls = gateways.map(({ url }) => url);
      const producer = new RetryingProducer(() => urls);
      const workers = new SimulatedWorkers('f', 2, producer);
      const listeners = await Promise.all(
        urls.map((url) => new StrictListener('f', { isPatient: true }).join(url)),
      );
      await workers.start();
      await Promise.all(listeners.map((listener) => listener.until(() => listener.copy.size > 20, LONG_MS)));

      const back = await trouble(servers);
      const away = pause(AWAY_MS);
      await Promise.all(urls.map((url) => untilReadiness(url, 'database')));
      const paths = ['', '/stats', '/emails', '/export?format=ndjson'];
      await Promise.all(paths.map((path) => expectUnavailable(`${urls[0]}/api/files/f${path}`)));
      await away;
      await retry(async () => expect(producer.refusals).toBeGreaterThan(0), LONG_MS);
      const known = listeners.map(({ copy }) => copy.size);
      await back();

      await Promise.all(urls.map((url) => untilReadiness(url)));
      await Promise.all(
        listeners.map((listener, i) => listener.until(() => listener.copy.size > (known[i] ?? 0), LONG_MS)),
      );
      await workers.stop();
      await expectComplete(urls, workers.oracle, listeners);
      // No listener had to reconnect, and no feed had to start a new epoch.
      expect(listeners.map(({ isConnected, answers }) => [isConnected, answers.length])).toEqual(
        listeners.map(() => [true, 1]),
      );
      for (const gateway of gateways) expectHealthy(gateway);
    },
    120_000,
  );
});

describeWithOwnServers('a gateway that starts before its servers', (start) => {
  test('listens, reports what is missing, and works as soon as both servers are there', async () => {
    const { mongo, redis, env } = await start();
    await Promise.all([mongo.kill(), redis.kill()]);
    const [gateway] = await spawnGateways(1, env);
    if (gateway === undefined) throw new Error('there is no gateway');
    const { url } = gateway;
    await untilReadiness(url, 'database', 'redis');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expectUnavailable(`${url}/api/files/f`);
    const listener = new StrictListener('f', { isPatient: true });
    listener.begin(url);
    await redis.startAgain();
    await untilReadiness(url, 'database');
    await mongo.start();
    await untilReadiness(url);
    await listener.until(() => listener.cursor !== null, LONG_MS);
    const workers = await new SimulatedWorkers('f', 3, new RetryingProducer(() => [url])).start();
    await listener.until(() => listener.copy.size > 0);
    await workers.stop();
    await expectComplete([url], workers.oracle, [listener]);
    expectHealthy(gateway);
  });
});
