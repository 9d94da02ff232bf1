import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { describeCluster } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { Flood } from '../support/flood.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnServers, spawnGateways } from '../support/own-cluster.js';
import { PatientProducer } from '../support/patient.js';
import { message, Producer } from '../support/producer.js';
import { mixed, plainResults } from '../support/results.js';
import { expectWell, expectWhole } from '../support/wholeness.js';
import { wiresOn } from '../support/wires.js';

/** `kill -9` of the gateway that takes in, at chance moments, while two others have the listeners. */
const KILLS = effort(2, 20);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
/** What a dead gateway stored and did not announce, another one announces within this time. */
const ANNOUNCED_MS = 5_000;
/** A busy machine takes its time. */
const LONG_MS = 30_000;

/** So that what a dead gateway had taken of Redis is soon looked for. */
const SOON = { FLUSH_INTERVAL_MS: '20', STREAM_IDLE_MS: '1000', STALL_AFTER_MS: '1500' };

describeWithOwnServers('a gateway that is killed', (start) => {
  test(`loses nothing, ${KILLS} times (CHAOS_SEED=${SEED})`, async () => {
    const servers = await start();
    const env = { ...servers.env, ...SOON };
    const others = await spawnGateways(2, env);
    const urls = others.map(({ url }) => url);
    const victims: string[] = [];
    const producer = new PatientProducer(() => victims);
    // Over HTTP only the victim is spoken to; of what goes over Redis it takes its share.
    const wires = { http: undefined, ...wiresOn(env.REDIS_URL) };
    const floods = Object.entries(wires).map(([way, wire]) => new Flood(way, SEED, producer, wire));
    const listeners = await Promise.all(
      floods.flatMap(({ fileId }) => urls.map((url) => new StrictListener(fileId).join(url))),
    );

    let next = spawnGateway(env);
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = await next;
      victims.splice(0, victims.length, victim.url);
      if (kill === 0) await Promise.all(floods.map((flood) => flood.pour(1)));
      // Its successor is on its way already: the producers do not wait for long.
      if (kill < KILLS - 1) next = spawnGateway(env);
      const sent = floods.map((flood) => flood.sent);
      await eventually(
        'all are at work',
        () => floods.every((flood, at) => flood.sent > (sent[at] ?? 0)),
        LONG_MS,
      );
      await pause(mixed(SEED, kill) % 200);
      expect(await victim.end('SIGKILL')).toBeNull();
    }
    victims.splice(0, victims.length, ...urls);
    for (const flood of floods) {
      await flood.stop();
      expect(flood.sent).toBeGreaterThan(KILLS);
    }
    for (const { oracle, fileId } of floods) {
      const own = listeners.filter((listener) => listener.fileId === fileId);
      await expectWhole(urls, oracle, own, LONG_MS);
    }
    // Nobody of them had to connect, or to begin, again.
    expect(listeners.map(({ isConnected, answers }) => [isConnected, answers.length])).toEqual(
      listeners.map(() => [true, 1]),
    );
    for (const gateway of others) expectWell(gateway);
  }, 180_000);
});

describeCluster('a gateway that is killed', (newEnv) => {
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
