import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { expectComplete, expectHealthy, expectUnavailable, untilReadiness } from '../support/checks.js';
import { describeWithOwnServers, spawnGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { FailingCommands, STEP_DOWNS } from '../support/fail-command.js';
import { report } from '../support/files-at-work.js';
import { StrictListener } from '../support/listener.js';
import { expectSameBytes, Mirror, openRoom } from '../support/mirror.js';
import type { MongoServer } from '../support/mongo-server.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';
import { retry } from '../support/wait.js';

/** How long MongoDB is away, or steps down. */
const AWAY_MS = effort(2_500, 10_000);
const STEP_DOWN_MS = effort(400, 3_000);

/** Generous, for a busy machine. */
const LONG_MS = 30_000;

const outages: readonly [string, (mongo: MongoServer) => Promise<() => Promise<unknown>>][] = [
  [
    'was killed',
    async (mongo) => {
      await mongo.kill();
      return () => mongo.start();
    },
  ],
  [
    'hangs',
    async (mongo) => {
      const goOn = await mongo.freeze();
      return async () => goOn();
    },
  ],
];

/** One of each kind; a thorough run has them all. */
const stepDowns = effort(1, 0) === 0 ? STEP_DOWNS : STEP_DOWNS.filter((_, index) => index % 4 === 1);

describeWithOwnServers('while MongoDB is away, or steps down', (start) => {
  test('gateways refuse, lose nothing that they acknowledged, and go on by themselves', async () => {
    const { mongo, redis, env } = await start();
    const gateways = await spawnGateways(2, { ...env, FLUSH_INTERVAL_MS: '20' });
    const urls = gateways.map(({ url }) => url);
    const mirror = await Mirror.of(redis.url, 'f');
    const rooms = await Promise.all(urls.map((url) => openRoom(url, 'f')));
    const producer = new RetryingProducer(() => urls);
    const workers = new SimulatedWorkers('f', 2, producer);
    const listeners = await Promise.all(
      urls.map((url) => new StrictListener('f', { isPatient: true }).join(url)),
    );
    const untilMore = () => {
      const known = listeners.map(({ copy }) => copy.size);
      return Promise.all(
        listeners.map((listener, i) =>
          listener.until(() => listener.copy.size > (known[i] ?? 0) + 5, LONG_MS),
        ),
      );
    };
    await workers.start();
    await untilMore();

    for (const [name, begin] of outages) {
      report(`MongoDB ${name}`);
      const { refusals } = producer;
      const back = await begin(mongo);
      const away = pause(AWAY_MS);
      await Promise.all(urls.map((url) => untilReadiness(url, 'database')));
      const paths = ['', '/stats', '/emails', '/export?format=ndjson'];
      await Promise.all(paths.map((path) => expectUnavailable(`${urls[0]}/api/files/f${path}`)));
      await away;
      await retry(async () => expect(producer.refusals).toBeGreaterThan(refusals), LONG_MS);
      await back();
      await Promise.all(urls.map((url) => untilReadiness(url)));
      await untilMore();
    }

    const commands = FailingCommands.at(env.MONGODB_URI);
    for (const [name, fault] of stepDowns) {
      report(`the primary steps down: ${name}`);
      const { refusals } = producer;
      await commands.begin(fault);
      await pause(STEP_DOWN_MS);
      await retry(async () => expect(producer.refusals).toBeGreaterThan(refusals), LONG_MS);
      await commands.end();
      await untilMore();
    }

    await Promise.all(urls.map((url) => untilReadiness(url)));
    await workers.stop();
    await expectComplete(urls, workers.oracle, listeners);
    // One epoch, revisions without holes, the same bytes in the mirror and in every room.
    await expectSameBytes(urls, 'f', [mirror], rooms);
    expect(listeners.map(({ isConnected, answers }) => [isConnected, answers.length])).toEqual(
      listeners.map(() => [true, 1]),
    );
    for (const gateway of gateways) expectHealthy(gateway);
  }, 240_000);
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
