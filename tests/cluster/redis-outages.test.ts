import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { Flood } from '../support/flood.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnServers, spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import type { RedisServer } from '../support/redis-server.js';
import { expectUnavailable, expectWell, expectWhole, untilMissing } from '../support/wholeness.js';
import { wiresOn } from '../support/wires.js';

/** How long Redis hangs. Commands are given up after 3 s. */
const HANGS_MS = effort(4_000, 5_000);

/** A busy machine takes its time. */
const LONG_MS = 30_000;

/** So that what was missed of Redis is soon looked for. */
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
      const thaw = redis.freeze();
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
  test.each(troubles)(
    'because it $name',
    async ({ persistent, begin }) => {
      const servers = await start({ persistent });
      const gateways = await spawnGateways(2, { ...servers.env, ...SOON });
      const urls = gateways.map(({ url }) => url);
      const producer = new PatientProducer(() => urls);
      const { pubsub, stream } = wiresOn(servers.env.REDIS_URL);
      const [byHttp, ...others] = [undefined, pubsub, stream].map(
        (wire, number) => new Flood(`f${number}`, 1, producer, wire),
      ) as [Flood, Flood, Flood];
      const floods = [byHttp, ...others];
      const listeners = await listenersOn(urls, floods);
      await Promise.all(floods.map((flood) => flood.pour(1)));
      await Promise.all(
        listeners.map((listener) => listener.until(() => listener.events.length > 5, LONG_MS)),
      );

      const end = await begin(servers.redis);
      await Promise.all(urls.map((url) => untilMissing(url, 'redis')));
      for (const path of ['', '/stats']) await expectUnavailable(`${urls[0]}/api/files/f0${path}`);
      // What needs the database alone goes on: pages and exports are read, updates are taken.
      expect((await fetch(`${urls[0]}/api/files/f0/emails`)).status).toBe(200);
      const taken = byHttp.sent;
      await eventually('updates are taken', () => byHttp.sent > taken + 5, LONG_MS);
      await end();

      await Promise.all(urls.map((url) => untilMissing(url)));
      const announced = listeners.map(({ events }) => events.length);
      await Promise.all(
        listeners.map((listener, i) =>
          listener.until(() => listener.events.length > (announced[i] ?? 0), LONG_MS),
        ),
      );
      for (const flood of floods) {
        await flood.stop();
        const own = listeners.filter(({ fileId }) => fileId === flood.fileId);
        await expectWhole(urls, flood.oracle, own, LONG_MS);
      }
      // Nobody had to connect again.
      expect(listeners.map(({ isConnected }) => isConnected)).toEqual(listeners.map(() => true));
      for (const gateway of gateways) expectWell(gateway);
    },
    120_000,
  );
});

/** On each gateway: all kinds of listeners of the first file, and one of each other. */
const listenersOn = (urls: readonly string[], floods: readonly Flood[]): Promise<StrictListener[]> =>
  Promise.all(
    urls.flatMap((url) => [
      ...floods.map(({ fileId }) => new StrictListener(fileId, { isPatient: true }).join(url)),
      new StrictListener('f0', { isPatient: true, feeds: ['emails'], transports: ['polling'] }).join(url),
      new StrictListener('f0', { isPatient: true, feeds: ['stats'] }).join(url),
    ]),
  );
