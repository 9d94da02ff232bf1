import { expect, test } from '@jest/globals';
import { expectComplete, expectHealthy, untilReadiness } from '../support/checks.js';
import { describeWithOwnServers, spawnGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { freeze } from '../support/freeze.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { CHANNEL, redisSenders } from '../support/redis-senders.js';
import { plainClient } from '../support/redis-server.js';
import { plainResults } from '../support/results.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';

const CUTS = effort(2, 10);
/** Generous, for a busy machine. */
const LONG_MS = 30_000;

describeWithOwnServers('while Redis closes subscriptions', (start) => {
  /** Two gateways with listeners of one file whose updates come over Pub/Sub. */
  async function scene() {
    const { env } = await start();
    const gateways = await spawnGateways(2, { ...env, FLUSH_INTERVAL_MS: '20' });
    const urls = gateways.map(({ url }) => url);
    await Promise.all(urls.map((url) => untilReadiness(url)));
    const listeners = await Promise.all(
      urls.map((url) => new StrictListener('f', { isPatient: true }).join(url)),
    );
    const workers = new SimulatedWorkers(
      'f',
      6,
      new RetryingProducer(() => urls),
      redisSenders(env.REDIS_URL).pubsub,
    );
    const redis = plainClient(env.REDIS_URL);
    const subscribers = async (name = '') =>
      String(await redis.client('LIST'))
        .split('\n')
        .filter((line) => / sub=[1-9]/.test(line) && line.includes(` name=${name}`))
        .map((line) => /^id=(\d+)/.exec(line)?.[1] ?? '');
    const whole = async () => {
      await workers.stop();
      await expectComplete(urls, workers.oracle, listeners);
      // The gateways passed on what was missed: no listener had to subscribe again.
      expect(listeners.map(({ answers }) => answers.length)).toEqual([1, 1]);
      for (const gateway of gateways) expectHealthy(gateway);
    };
    return { env, gateways, urls, listeners, workers, redis, subscribers, whole };
  }

  test(`by CLIENT KILL, ${CUTS} times`, async () => {
    const { urls, workers, redis, subscribers, whole } = await scene();
    await workers.start();
    for (let cut = 0; cut < CUTS; cut++) {
      const sent = workers.sent;
      await eventually('it is at work', () => workers.sent > sent + 3, LONG_MS);
      const before = await subscribers();
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(
        'all are there again',
        async () => (await subscribers()).length === before.length,
        LONG_MS,
      );
    }
    await Promise.all(urls.map((url) => untilReadiness(url)));
    await whole();
  });

  test('because a gateway does not keep up', async () => {
    const { env, gateways, urls, listeners, redis, subscribers } = await scene();
    const { pubsub } = redisSenders(env.REDIS_URL);
    const results = plainResults('jane', 30);
    const list = { batches: [{ batchId: 'b', totalEmails: 30 }] };
    await new Producer(...urls).register('f', list);
    await pubsub(message('b', results, { upTo: 10, total: 30 }));
    await Promise.all(listeners.map((listener) => listener.until(() => listener.copy.size === 10, LONG_MS)));

    await redis.config('SET', 'client-output-buffer-limit', 'pubsub 64kb 64kb 1');
    const before = await subscribers('verigate-inlet');
    const goOns = await Promise.all(gateways.map(({ child }) => freeze(child)));
    // More than the kernel buffers for them.
    const padding = 'x'.repeat(256 * 1024);
    await eventually(
      'they are cut off',
      async () => {
        await redis.publish(CHANNEL, padding);
        const left = await subscribers('verigate-inlet');
        return !before.some((id) => left.includes(id));
      },
      LONG_MS,
    );
    for (const upTo of [20, 30]) await pubsub(message('b', results, { upTo, isComplete: upTo === 30 }));
    for (const goOn of goOns) goOn();
    await Promise.all(urls.map((url) => untilReadiness(url)));
    await Promise.all(
      listeners.map((listener) => listener.until(() => listener.stats?.status === 'completed', LONG_MS)),
    );
    expect(listeners.map(({ copy, answers, faults }) => [copy.size, answers.length, faults])).toEqual(
      listeners.map(() => [30, 1, []]),
    );
    for (const gateway of gateways) expectHealthy(gateway);
  });
});
