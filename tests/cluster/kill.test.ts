import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { describeCluster } from '../support/cluster.js';
import { Flood } from '../support/flood.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { message, Producer } from '../support/producer.js';
import { mixed, plainResults } from '../support/results.js';
import { expectWell, expectWhole } from '../support/wholeness.js';

/** `kill -9` of the gateway that takes in, at chance moments, while two others have the listeners. */
const KILLS = Number(process.env.CHAOS_KILLS ?? 20);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
/** What a dead gateway stored and did not announce, another one announces within this time. */
const ANNOUNCED_MS = 5_000;
/** A busy machine takes its time. */
const LONG_MS = 30_000;

describeCluster('a gateway that is killed', (newEnv) => {
  test(`loses nothing that it has answered, ${KILLS} times (CHAOS_SEED=${SEED})`, async () => {
    const env = { ...newEnv(), FLUSH_INTERVAL_MS: '20' };
    const others = await spawnGateways(2, env);
    const urls = others.map(({ url }) => url);
    const listeners = await Promise.all(urls.map((url) => new StrictListener('f').join(url)));
    const victims: string[] = [];
    const flood = new Flood('f', SEED, new PatientProducer(() => victims));

    let next = spawnGateway(env);
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = await next;
      victims.splice(0, victims.length, victim.url);
      if (kill === 0) await flood.pour(4);
      // Its successor is on its way already: the producers do not wait for long.
      if (kill < KILLS - 1) next = spawnGateway(env);
      const sent = flood.sent;
      await listeners[0]?.until(() => flood.sent > sent, LONG_MS);
      await pause(mixed(SEED, kill) % 200);
      expect(await victim.end('SIGKILL')).toBeNull();
    }
    victims.splice(0, victims.length, ...urls);
    await flood.stop();
    expect(flood.sent).toBeGreaterThan(KILLS);
    await expectWhole(urls, flood.oracle, listeners);
    // Nobody of them had to connect, or to begin, again.
    expect(listeners.map(({ isConnected, answers }) => [isConnected, answers.length])).toEqual(
      listeners.map(() => [true, 1]),
    );
    for (const gateway of others) expectWell(gateway);
  }, 180_000);

  test('leaves to the others what it stored and did not announce', async () => {
    const env = newEnv();
    const [other] = await spawnGateways(1, env);
    // Its second flush would come when nobody waits for it any more.
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
    expectWell(other);
  });
});
