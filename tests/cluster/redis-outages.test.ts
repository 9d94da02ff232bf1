import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Flood } from '../support/flood.js';
import type { GatewayProcess } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnServers, type OwnServers, spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { expectUnavailable, expectWell, expectWhole, untilMissing } from '../support/wholeness.js';

/** How long Redis is away. Commands are given up after 3 s. */
const AWAY_MS = Number(process.env.CHAOS_AWAY_MS ?? 5_000);

/** A busy machine takes its time. */
const LONG_MS = 30_000;

type Trouble = (servers: OwnServers) => Promise<() => Promise<unknown>>;

/** What befalls Redis, and how it comes back. */
const troubles: [string, boolean, Trouble][] = [
  [
    'hangs',
    false,
    async ({ redis }) => {
      const thaw = redis.freeze();
      return async () => thaw();
    },
  ],
  [
    'is killed and comes back empty',
    false,
    async ({ redis }) => {
      await redis.kill();
      return () => redis.startAgain({ empty: true });
    },
  ],
  [
    'is killed and comes back with its data',
    true,
    async ({ redis }) => {
      await redis.kill();
      return () => redis.startAgain();
    },
  ],
];

describeWithOwnServers('while Redis is away', (start) => {
  test.each(troubles)(
    'because it %s',
    async (_, persistent, trouble) => {
      const servers = await start({ persistent });
      const gateways = await spawnGateways(2, { ...servers.env, FLUSH_INTERVAL_MS: '20' });
      const urls = gateways.map(({ url }) => url);
      const flood = new Flood('f', 1, new PatientProducer(() => urls));
      const listeners = await listenersOn(gateways);
      await flood.pour();
      await Promise.all(
        listeners.map((listener) => listener.until(() => listener.events.length > 5, LONG_MS)),
      );

      const back = await trouble(servers);
      await Promise.all(urls.map((url) => untilMissing(url, 'redis')));
      for (const path of ['', '/stats']) await expectUnavailable(`${urls[0]}/api/files/f${path}`);
      // What needs the database alone goes on: pages and exports are read, updates are taken.
      expect((await fetch(`${urls[0]}/api/files/f/emails`)).status).toBe(200);
      const taken = flood.sent;
      await pause(AWAY_MS);
      expect(flood.sent).toBeGreaterThan(taken);
      await back();

      await Promise.all(urls.map((url) => untilMissing(url)));
      const announced = listeners.map(({ events }) => events.length);
      await Promise.all(
        listeners.map((listener, i) =>
          listener.until(() => listener.events.length > (announced[i] ?? 0), LONG_MS),
        ),
      );
      await flood.stop();
      await expectWhole(urls, flood.oracle, listeners);
      // Nobody had to connect again.
      expect(listeners.map(({ isConnected }) => isConnected)).toEqual(listeners.map(() => true));
      for (const gateway of gateways) expectWell(gateway);
    },
    120_000,
  );
});

const listenersOn = (gateways: readonly GatewayProcess[]): Promise<StrictListener[]> =>
  Promise.all(
    gateways.flatMap(({ url }) => [
      new StrictListener('f', { isPatient: true }).join(url),
      new StrictListener('f', { isPatient: true, feeds: ['emails'], transports: ['polling'] }).join(url),
      new StrictListener('f', { isPatient: true, feeds: ['stats'] }).join(url),
    ]),
  );
