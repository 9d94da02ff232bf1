import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { expectComplete, expectHealthy } from '../support/checks.js';
import { describeCluster, describeWithOwnServers, spawnGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { redisSenders } from '../support/redis-senders.js';
import { mixed, plainResults } from '../support/results.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';

/** How often the gateway that receives updates is killed, at random moments, while two others have the listeners. */
const KILLS = effort(2, 20);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
/** The other gateways announce within this time what a killed gateway stored and did not announce. */
const ANNOUNCED_MS = 5_000;
/** Generous, for a busy machine. */
const LONG_MS = 30_000;

/** Short times, so that the others soon look for what a killed gateway had received from Redis. */
const SOON = { FLUSH_INTERVAL_MS: '20', STREAM_IDLE_MS: '1000', STALL_AFTER_MS: '1500' };

describeWithOwnServers('a gateway that is killed', (start) => {
  test(`loses nothing, ${KILLS} times (CHAOS_SEED=${SEED})`, async () => {
    const servers = await start();
    const env = { ...servers.env, ...SOON };
    const others = await spawnGateways(2, env);
    const urls = others.map(({ url }) => url);
    const victims: string[] = [];
    const producer = new RetryingProducer(() => victims);
    // HTTP updates go to the victim only. Of those over Redis it handles its share.
    const senders = { http: undefined, ...redisSenders(env.REDIS_URL) };
    const groups = Object.entries(senders).map(
      ([way, wire]) => new SimulatedWorkers(way, SEED, producer, wire),
    );
    const listeners = await Promise.all(
      groups.flatMap(({ fileId }) => urls.map((url) => new StrictListener(fileId).join(url))),
    );

    let next = spawnGateway(env);
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = await next;
      victims.splice(0, victims.length, victim.url);
      if (kill === 0) await Promise.all(groups.map((workers) => workers.start(1)));
      // The next victim starts early, so that the producers do not wait for long.
      if (kill < KILLS - 1) next = spawnGateway(env);
      const sent = groups.map((workers) => workers.sent);
      await eventually(
        'all are at work',
        () => groups.every((workers, at) => workers.sent > (sent[at] ?? 0)),
        LONG_MS,
      );
      await pause(mixed(SEED, kill) % 200);
      expect(await victim.end('SIGKILL')).toBeNull();
    }
    victims.splice(0, victims.length, ...urls);
    for (const workers of groups) {
      await workers.stop();
      expect(workers.sent).toBeGreaterThan(KILLS);
    }
    for (const { oracle, fileId } of groups) {
      const own = listeners.filter((listener) => listener.fileId === fileId);
      await expectComplete(urls, oracle, own, LONG_MS);
    }
    // No listener had to reconnect or to start over.
    expect(listeners.map(({ isConnected, answers }) => [isConnected, answers.length])).toEqual(
      listeners.map(() => [true, 1]),
    );
    for (const gateway of others) expectHealthy(gateway);
  }, 180_000);
});

describeCluster('a gateway that is killed', (newEnv) => {
  test('leaves it to the others to announce what it stored', async () => {
    const env = newEnv();
    const [other] = await spawnGateways(1, env);
    // Its second flush would come after the end of the test.
    const victim = await spawnGateway({ ...env, FLUSH_INTERVAL_MS: '60000' });
    if (other === undefined) throw new Error('there is no gateway');
    const listener = await new StrictListener('f').join(other.url);
    const producer = new Producer(victim.url);
    const results = plainResults('jane', 8);
    await producer.register('f', { batches: [{ batchId: 'b', totalEmails: 8 }] });
    await listener.until(() => listener.stats?.progress.total === 8);
    expect(await producer.update(message('b', results, { upTo: 5, total: 8 }))).toBe('applied');
    expect(listener.copy.size).toBe(0);
    await victim.end('SIGKILL');
    await listener.until(() => listener.copy.size === 5, ANNOUNCED_MS);
    expect(await new Producer(other.url).update(message('b', results, { isComplete: true }))).toBe('applied');
    await listener.until(() => listener.stats?.status === 'completed');
    expect(listener.faults).toEqual([]);
    expect(listener.answers).toHaveLength(1);
    expectHealthy(other);
  });
});
