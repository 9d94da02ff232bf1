import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { Flood } from '../support/flood.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnServers, type OwnServers, spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { eventually } from '../support/wait.js';
import { expectUnavailable, expectWell, expectWhole, untilMissing } from '../support/wholeness.js';

/** How long MongoDB is away. */
const AWAY_MS = effort(2_500, 10_000);

/** A busy machine takes its time. */
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
      const producer = new PatientProducer(() => urls);
      const flood = new Flood('f', 2, producer);
      const listeners = await Promise.all(
        urls.map((url) => new StrictListener('f', { isPatient: true }).join(url)),
      );
      await flood.pour();
      await Promise.all(listeners.map((listener) => listener.until(() => listener.copy.size > 20, LONG_MS)));

      const back = await trouble(servers);
      const away = pause(AWAY_MS);
      await Promise.all(urls.map((url) => untilMissing(url, 'database')));
      const paths = ['', '/stats', '/emails', '/export?format=ndjson'];
      await Promise.all(paths.map((path) => expectUnavailable(`${urls[0]}/api/files/f${path}`)));
      await away;
      await eventually(async () => expect(producer.refusals).toBeGreaterThan(0), LONG_MS);
      const known = listeners.map(({ copy }) => copy.size);
      await back();

      await Promise.all(urls.map((url) => untilMissing(url)));
      await Promise.all(
        listeners.map((listener, i) => listener.until(() => listener.copy.size > (known[i] ?? 0), LONG_MS)),
      );
      await flood.stop();
      await expectWhole(urls, flood.oracle, listeners);
      // Nobody had to connect again, and no feed had to begin anew.
      expect(listeners.map(({ isConnected, answers }) => [isConnected, answers.length])).toEqual(
        listeners.map(() => [true, 1]),
      );
      for (const gateway of gateways) expectWell(gateway);
    },
    120_000,
  );
});

describeWithOwnServers('a gateway that starts before its servers', (start) => {
  test('listens, says what it misses, and works as soon as it has both', async () => {
    const { mongo, redis, env } = await start();
    await Promise.all([mongo.kill(), redis.kill()]);
    const [gateway] = await spawnGateways(1, env);
    if (gateway === undefined) throw new Error('there is no gateway');
    const { url } = gateway;
    await untilMissing(url, 'database', 'redis');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expectUnavailable(`${url}/api/files/f`);
    const listener = new StrictListener('f', { isPatient: true });
    listener.begin(url);
    await redis.startAgain();
    await untilMissing(url, 'database');
    await mongo.start();
    await untilMissing(url);
    await listener.until(() => listener.cursor !== null, LONG_MS);
    const flood = await new Flood('f', 3, new PatientProducer(() => [url])).pour();
    await listener.until(() => listener.copy.size > 0);
    await flood.stop();
    await expectWhole([url], flood.oracle, [listener]);
    expectWell(gateway);
  });
});
