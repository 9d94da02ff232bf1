import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { describeCluster } from '../support/cluster.js';
import { Flood } from '../support/flood.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnServers, spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { parsed } from '../support/process.js';
import { message, Producer } from '../support/producer.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { expectWell, expectWhole, untilMissing } from '../support/wholeness.js';

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

/** Far more than it needs; what hangs it would wait for until the tests are over. */
const IN_TIME_MS = 10_000;

describeWithOwnServers('a gateway that is stopped while a server hangs', (start) => {
  test.each([
    ['MongoDB', true, false],
    ['Redis', false, true],
    ['both of them', true, true],
  ])('sends its listeners away and ends in time: %s', async (_, mongoHangs, redisHangs) => {
    const { mongo, redis, env } = await start();
    const leaving = await spawnGateway({ ...env, SHUTDOWN_TIMEOUT_MS: '4000' });
    const producer = new Producer(leaving.url);
    const listener = await new StrictListener('f', { isPatient: true }).join(leaving.url);
    const results = plainResults('jane', 5);
    await producer.update(message('b', results, { fileId: 'f', upTo: 3 }));
    await listener.until(() => listener.copy.size === 3);

    const thaw = redisHangs ? redis.freeze() : () => undefined;
    if (mongoHangs) mongo.pause();
    // Something is under way that needs what hangs, and may get through or not.
    const news = producer.update(message('b', results, { fileId: 'f', upTo: 4 })).catch(() => 'refused');
    const askedAt = performance.now();
    // 1: it could not let go of what hangs.
    expect([0, 1]).toContain(await leaving.end('SIGTERM'));
    expect(performance.now() - askedAt).toBeLessThan(IN_TIME_MS);
    expect(leaving.complaints).toEqual([]);
    await listener.until(() => !listener.isConnected);
    expect(listener.draining).not.toBeNull();
    const outcome = await news;

    thaw();
    mongo.resume();
    const other = await spawnGateway(env);
    await untilMissing(other.url);
    const kept = (await new Reading(new Producer(other.url), 'f').ndjson()).length;
    expect(outcome === 'applied' ? [4] : [3, 4]).toContain(kept);
    await listener.join(other.url);
    await new Producer(other.url).update(message('b', results, { fileId: 'f', isComplete: true }));
    await listener.until(() => listener.stats?.status === 'completed');
    expect(listener.copy.size).toBe(5);
    expect(listener.faults).toEqual([]);
  });
});
