import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { describeCluster } from '../support/cluster.js';
import { Flood } from '../support/flood.js';
import { StrictListener } from '../support/listener.js';
import { spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { parsed } from '../support/process.js';
import { expectWell, expectWhole } from '../support/wholeness.js';

/** A busy machine takes its time. */
const LONG_MS = 30_000;

describeCluster('one of three gateways that is stopped under load', (newEnv) => {
  test('sends its listeners to the others, where they miss nothing', async () => {
    const gateways = await spawnGateways(3, { ...newEnv(), FLUSH_INTERVAL_MS: '20' });
    const urls = gateways.map(({ url }) => url);
    const flood = new Flood('f', 5, new PatientProducer(() => urls));
    const [leaving, ...staying] = gateways;
    if (leaving === undefined) throw new Error('there is no gateway');
    const movers = await Promise.all(
      (['websocket', 'websocket', 'polling'] as const).map((transport) =>
        new StrictListener('f', { transports: [transport] }).join(leaving.url),
      ),
    );
    const stayers = await Promise.all(staying.map(({ url }) => new StrictListener('f').join(url)));
    await flood.pour();
    await Promise.all(movers.map((listener) => listener.until(() => listener.events.length > 20, LONG_MS)));

    const ended = leaving.end('SIGTERM');
    await Promise.all(
      movers.map(async (listener, number) => {
        await listener.until(() => !listener.isConnected);
        expect(listener.draining).not.toBeNull();
        await pause(listener.draining?.reconnectInMs);
        await listener.join(staying[number % staying.length]?.url ?? '');
        expect(listener.answers.at(-1)?.recovered).toBe(true);
      }),
    );
    expect(await ended).toBe(0);
    expect(parsed(leaving.log).at(-1)).toMatchObject({ msg: 'stopped' });
    urls.shift();
    const sent = flood.sent;
    await stayers[0]?.until(() => flood.sent > sent + 20, LONG_MS);
    await flood.stop();
    await expectWhole(urls, flood.oracle, [...movers, ...stayers]);
    for (const gateway of staying) expectWell(gateway);
  });
});
