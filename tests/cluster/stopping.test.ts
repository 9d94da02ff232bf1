import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { expectComplete, expectHealthy, untilReadiness } from '../support/checks.js';
import { describeCluster, describeWithOwnServers, spawnGateways } from '../support/cluster.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { parsed } from '../support/process.js';
import { message, Producer } from '../support/producer.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';

/** Generous, for a busy machine. */
const LONG_MS = 30_000;

describeCluster('one of three gateways that is stopped under load', (newEnv) => {
  test('sends its listeners to the others, where they miss nothing', async () => {
    const gateways = await spawnGateways(3, { ...newEnv(), FLUSH_INTERVAL_MS: '20' });
    const urls = gateways.map(({ url }) => url);
    const workers = new SimulatedWorkers('f', 5, new RetryingProducer(() => urls));
    const [leaving, ...staying] = gateways;
    if (leaving === undefined) throw new Error('there is no gateway');
    const movers = await Promise.all(
      (['websocket', 'websocket', 'polling'] as const).map((transport) =>
        new StrictListener('f', { transports: [transport] }).join(leaving.url),
      ),
    );
    const stayers = await Promise.all(staying.map(({ url }) => new StrictListener('f').join(url)));
    await workers.start();
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
    const sent = workers.sent;
    await stayers[0]?.until(() => workers.sent > sent + 20, LONG_MS);
    await workers.stop();
    await expectComplete(urls, workers.oracle, [...movers, ...stayers]);
    for (const gateway of staying) expectHealthy(gateway);
  });
});

/** Far more than it needs, but less than the hanging server would delay it. */
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

    const thaw = redisHangs ? await redis.freeze() : () => undefined;
    const goOn = mongoHangs ? await mongo.freeze() : () => undefined;
    // An update is under way that needs the hanging server. It may be stored or not.
    const update = producer.update(message('b', results, { fileId: 'f', upTo: 4 })).catch(() => 'refused');
    const askedAt = performance.now();
    // 1: it had to abandon its connection to the hanging server.
    expect([0, 1]).toContain(await leaving.end('SIGTERM'));
    expect(performance.now() - askedAt).toBeLessThan(IN_TIME_MS);
    expect(leaving.complaints).toEqual([]);
    await listener.until(() => !listener.isConnected);
    expect(listener.draining).not.toBeNull();
    const outcome = await update;

    thaw();
    goOn();
    const other = await spawnGateway(env);
    await untilReadiness(other.url);
    const kept = (await new Reading(new Producer(other.url), 'f').ndjson()).length;
    expect(outcome === 'applied' ? [4] : [3, 4]).toContain(kept);
    await listener.join(other.url);
    await new Producer(other.url).update(message('b', results, { fileId: 'f', isComplete: true }));
    await listener.until(() => listener.stats?.status === 'completed');
    expect(listener.copy.size).toBe(5);
    expect(listener.faults).toEqual([]);
  });
});
