import { expect, test } from '@jest/globals';
import { describeCluster, startGateways } from '../support/cluster.js';
import { StrictListener } from '../support/listener.js';
import { withDatabase } from '../support/mongo-server.js';
import { describeWithOwnServers, spawnGateways } from '../support/own-cluster.js';
import { message, Producer } from '../support/producer.js';
import { plainClient } from '../support/redis-server.js';
import { plainResults } from '../support/results.js';
import { eventually } from '../support/wait.js';
import { expectWell, untilMissing } from '../support/wholeness.js';
import { STREAM, wiresOn } from '../support/wires.js';

const CANARY = 'canary-5d2e8';

describeCluster('a deletion at one gateway', (newEnv) => {
  test('is heard at the others, and leaves no address anywhere', async () => {
    const env = newEnv();
    const [here = '', there = ''] = (await startGateways(2, env)).map(({ url }) => url);
    const producer = new Producer(here);
    const listeners = await Promise.all(
      [here, there].flatMap((url) => [
        new StrictListener('f').join(url),
        new StrictListener('f', { feeds: ['stats'], transports: ['polling'] }).join(url),
      ]),
    );
    const other = await new StrictListener('other').join(there);
    await producer.update(message('b', plainResults(CANARY, 40), { upTo: 30, total: 40, fileId: 'f' }));
    await producer.update(message('held', plainResults(CANARY, 3)));
    await producer.register('f', { batches: [{ batchId: 'held' }] });
    await producer.update(message('c', plainResults('joe', 1), { fileId: 'other' }));
    await Promise.all(
      listeners.map((listener) => listener.until(() => listener.stats?.progress.processed === 33)),
    );
    expect(await traces(env)).not.toEqual([]);

    expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
    await Promise.all(listeners.map((listener) => listener.until(() => listener.isDeleted)));
    expect(await traces(env)).toEqual([]);
    for (const url of [here, there]) {
      expect((await new Producer(url).get('/api/files/f')).status).toBe(404);
      expect((await new Producer(url).call('DELETE', '/api/files/f')).status).toBe(404);
      const late = message('b', plainResults(CANARY, 40), { isComplete: true });
      expect(await new Producer(url).update(late)).toBe('superseded');
    }
    await producer.update(message('c', plainResults('joe', 2), { fileId: 'other', isComplete: true }));
    await other.until(() => other.stats?.status === 'completed');
    expect(other.isDeleted).toBe(false);
    expect(await traces(env)).toEqual([]);
  });
});

describeWithOwnServers('a deletion of what came over Redis', (start) => {
  test('leaves nothing in keys, in the stream or among the dead letters', async () => {
    const { env } = await start();
    const [here = '', there = ''] = (await startGateways(2, env)).map(({ url }) => url);
    const producer = new Producer(here);
    const wires = wiresOn(env.REDIS_URL);
    const redis = plainClient(env.REDIS_URL);
    await producer.register('f', { batches: ['b', 'c', 'unheard'].map((batchId) => ({ batchId })) });
    const listener = await new StrictListener('f').join(there);
    await wires.pubsub(message('b', plainResults(CANARY, 20), { isComplete: true }));
    await wires.stream(message('c', plainResults(CANARY, 20), { isComplete: true }));
    await listener.until(() => listener.copy.size === 40);
    // A key that no message told of, and messages that cannot be read.
    await redis.set(
      'validation_results:unheard',
      JSON.stringify(message('unheard', plainResults(CANARY, 1))),
    );
    const unreadable = { isComplete: 'perhaps', validatedEmails: plainResults(CANARY, 1) };
    await wires.pubsub({ ...unreadable, batchId: 'b' } as never);
    await wires.stream({ ...unreadable, batchId: 'c' } as never);
    await wires.stream({ ...unreadable, batchId: 'd', fileId: 'f' } as never);
    const letters = async () => (await new Producer(there).get('/api/dead-letters')).body.items;
    await eventually(async () => expect(await letters()).toHaveLength(3));
    // One of another file, which must stay.
    await wires.stream({ batchId: 'of another', fileId: 'other', isComplete: 'perhaps' } as never);
    await eventually(async () => expect(await letters()).toHaveLength(4));
    expect((await traces(env)).filter((name) => name.startsWith('validation_results:')).sort()).toEqual([
      'validation_results:b',
      'validation_results:unheard',
    ]);

    expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
    await listener.until(() => listener.isDeleted);
    await eventually(async () => expect(await redis.xlen(STREAM)).toBe(0));
    expect(await traces(env)).toEqual([]);
    expect(await letters()).toMatchObject([
      { inlet: 'stream', payload: expect.stringContaining('of another') },
    ]);

    // What was on its way is taken from the stream, and goes nowhere.
    await wires.stream(message('b', plainResults(CANARY, 21), { isComplete: true }));
    await wires.stream(message('new', plainResults('joe', 1), { fileId: 'other', isComplete: true }));
    await eventually(async () => expect((await producer.get('/api/files/other')).status).toBe(200));
    await eventually(async () => expect(await redis.xlen(STREAM)).toBe(0));
    expect((await producer.get('/api/files/f')).status).toBe(404);
    expect(await traces(env)).toEqual([]);
  });
});

describeWithOwnServers('a deletion while Redis is away', (start) => {
  test.each([true, false])(
    'is complete once it was tried again; Redis kept its data: %s',
    async (persistent) => {
      const { redis, env } = await start({ persistent });
      const gateways = await spawnGateways(2, env);
      const [here = '', there = ''] = gateways.map(({ url }) => url);
      const producer = new Producer(here);
      const listener = await new StrictListener('f', { isPatient: true }).join(there);
      await producer.update(message('b', plainResults(CANARY, 20), { fileId: 'f', isComplete: true }));
      await listener.until(() => listener.copy.size === 20);

      await redis.kill();
      await Promise.all([here, there].map((url) => untilMissing(url, 'redis')));
      const refused = await producer.call('DELETE', '/api/files/f');
      expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      // Nothing has happened, rather than a half of it.
      expect((await producer.get('/api/files/f/emails')).status).toBe(200);
      await redis.startAgain();
      await Promise.all([here, there].map((url) => untilMissing(url)));

      expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
      await listener.until(() => listener.isDeleted);
      expect((await producer.call('DELETE', '/api/files/f')).status).toBe(404);
      expect(await traces(env)).toEqual([]);
      for (const gateway of gateways) expectWell(gateway);
    },
  );
});

/** Keys of Redis and collections of MongoDB in which the address can still be read. */
async function traces({
  REDIS_URL,
  MONGODB_URI,
}: {
  REDIS_URL: string;
  MONGODB_URI: string;
}): Promise<string[]> {
  const redis = plainClient(REDIS_URL);
  const found: string[] = [];
  for (const key of await redis.keys('*')) {
    const dump =
      (await redis.type(key)) === 'stream'
        ? JSON.stringify(await redis.xrange(key, '-', '+'))
        : (await redis.type(key)) === 'hash'
          ? JSON.stringify(await redis.hgetall(key))
          : String(await redis.dump(key));
    if (`${key}${dump}`.includes(CANARY)) found.push(key);
  }
  await withDatabase(MONGODB_URI, async (database) => {
    for (const { name } of await database.listCollections().toArray()) {
      const all = JSON.stringify(await database.collection(name).find().toArray());
      if (all.includes(CANARY)) found.push(name);
    }
  });
  return found;
}
