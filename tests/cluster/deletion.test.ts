import { expect, test } from '@jest/globals';
import { tracesInCluster } from '../support/canaries.js';
import { expectHealthy, untilReadiness } from '../support/checks.js';
import {
  type ClusterEnv,
  describeCluster,
  describeWithOwnServers,
  spawnGateways,
  startGateways,
} from '../support/cluster.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { redisSenders, STREAM } from '../support/redis-senders.js';
import { plainClient } from '../support/redis-server.js';
import { plainResults } from '../support/results.js';
import { ask, SOON, sliceValidator } from '../support/slice-validator.js';
import { retry } from '../support/wait.js';

const CANARY = 'canary-5d2e8';

describeCluster('a deletion at one gateway', (newEnv) => {
  test('reaches the listeners of the other, and leaves no address anywhere', async () => {
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

  test('leaves no domain that was counted, at whichever gateway', async () => {
    const env = newEnv();
    const [here = '', there = ''] = (await startGateways(2, env)).map(({ url }) => url);
    const domain = `${CANARY}.example`;
    const results = plainResults('joe', 5).map((result) => ({ ...result, email: `joe@${domain}` }));
    await new Producer(here).update(message('b', results, { fileId: 'f', isComplete: true }));
    const breakdowns = () =>
      Promise.all(
        [there, here].flatMap((url) =>
          ['domain', 'score'].map(
            async (by) => (await new Producer(url).get(`/api/files/f/breakdown?by=${by}&limit=1`)).body,
          ),
        ),
      );
    // Counting the domains may bring the file's count of changes up to date, and that is announced while others are read.
    await breakdowns();
    const [domains, scores, ...others] = await breakdowns();
    expect(domains).toMatchObject({ complete: true, items: [{ value: domain, count: 5 }] });
    expect(scores).toMatchObject({ complete: true, items: [{ count: 5 }], revision: domains?.revision });
    expect(others).toEqual([domains, scores]);
    expect(await traces(env)).toContain('filebreakdowns');
    expect((await new Producer(there).call('DELETE', '/api/files/f')).status).toBe(204);
    expect(await traces(env)).toEqual([]);
  });
});

describeCluster('a deletion of a list whose slices still wait', (newEnv) => {
  test('leaves no address of its rows or slices, and nothing is sent of it later', async () => {
    const env = newEnv();
    const validator = await sliceValidator();
    const [here = '', there = ''] = (
      await startGateways(2, {
        ...SOON,
        ...env,
        VALIDATOR_URL: validator.url,
        // The validator never answers one request, and closing waits for that.
        VALIDATOR_TIMEOUT_MS: '2000',
      })
    ).map(({ url }) => url);
    const reached = validator.stopAt('received', 2);
    const rows = Array.from({ length: 35 }, (_, n) => `${CANARY}${n}@x.com;${CANARY}`);
    const { json } = await ask(here, 'POST', '/lists?name=a.csv', ['mail;note', ...rows].join('\n'));
    const submitted = ask(here, 'POST', '/files/f/validations', { listId: json.listId });
    await reached;
    await submitted;
    expect(await traces(env)).toEqual(expect.arrayContaining(['emaillistchunks', 'submissionpieces']));
    expect((await new Producer(there).call('DELETE', '/api/files/f')).status).toBe(204);
    await retry(async () => expect(await traces(env)).toEqual([]));
    expect(validator.seen).toHaveLength(2);
  });
});

describeWithOwnServers('a deletion of results that came over Redis', (start) => {
  test('leaves nothing in keys, in the stream or among the dead letters', async () => {
    const { env } = await start();
    const [here = '', there = ''] = (await startGateways(2, env)).map(({ url }) => url);
    const producer = new Producer(here);
    const senders = redisSenders(env.REDIS_URL);
    const redis = plainClient(env.REDIS_URL);
    await producer.register('f', { batches: ['b', 'c', 'unheard'].map((batchId) => ({ batchId })) });
    const listener = await new StrictListener('f').join(there);
    await senders.pubsub(message('b', plainResults(CANARY, 20), { isComplete: true }));
    await senders.stream(message('c', plainResults(CANARY, 20), { isComplete: true }));
    await listener.until(() => listener.copy.size === 40);
    // A key without a message, and messages that cannot be read.
    await redis.set(
      'validation_results:unheard',
      JSON.stringify(message('unheard', plainResults(CANARY, 1))),
    );
    const unreadable = { isComplete: 'perhaps', validatedEmails: plainResults(CANARY, 1) };
    await senders.pubsub({ ...unreadable, batchId: 'b' } as never);
    await senders.stream({ ...unreadable, batchId: 'c' } as never);
    await senders.stream({ ...unreadable, batchId: 'd', fileId: 'f' } as never);
    const deadLetters = async () => (await new Producer(there).get('/api/dead-letters')).body.items;
    await retry(async () => expect(await deadLetters()).toHaveLength(3));
    // A dead letter of another file, which must stay.
    await senders.stream({ batchId: 'of another', fileId: 'other', isComplete: 'perhaps' } as never);
    await retry(async () => expect(await deadLetters()).toHaveLength(4));
    expect((await traces(env)).filter((name) => name.startsWith('validation_results:')).sort()).toEqual([
      'validation_results:b',
      'validation_results:unheard',
    ]);

    expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
    await listener.until(() => listener.isDeleted);
    await retry(async () => expect(await redis.xlen(STREAM)).toBe(0));
    expect(await traces(env)).toEqual([]);
    expect(await deadLetters()).toMatchObject([
      { inlet: 'stream', payload: expect.stringContaining('of another') },
    ]);

    // A message that was on its way is removed from the stream and ignored.
    await senders.stream(message('b', plainResults(CANARY, 21), { isComplete: true }));
    await senders.stream(message('new', plainResults('joe', 1), { fileId: 'other', isComplete: true }));
    await retry(async () => expect((await producer.get('/api/files/other')).status).toBe(200));
    await retry(async () => expect(await redis.xlen(STREAM)).toBe(0));
    expect((await producer.get('/api/files/f')).status).toBe(404);
    expect(await traces(env)).toEqual([]);
  });
});

describeWithOwnServers('a deletion while Redis is away', (start) => {
  test.each([true, false])('is complete after a retry; Redis kept its data: %s', async (persistent) => {
    const { redis, env } = await start({ persistent });
    const gateways = await spawnGateways(2, env);
    const [here = '', there = ''] = gateways.map(({ url }) => url);
    const producer = new Producer(here);
    const listener = await new StrictListener('f', { isPatient: true }).join(there);
    await producer.update(message('b', plainResults(CANARY, 20), { fileId: 'f', isComplete: true }));
    await listener.until(() => listener.copy.size === 20);

    await redis.kill();
    await Promise.all([here, there].map((url) => untilReadiness(url, 'redis')));
    const refused = await producer.call('DELETE', '/api/files/f');
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    // Nothing has been deleted, rather than half of it.
    expect((await producer.get('/api/files/f/emails')).status).toBe(200);
    await redis.startAgain();
    await Promise.all([here, there].map((url) => untilReadiness(url)));

    expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
    await listener.until(() => listener.isDeleted);
    expect((await producer.call('DELETE', '/api/files/f')).status).toBe(404);
    expect(await traces(env)).toEqual([]);
    for (const gateway of gateways) expectHealthy(gateway);
  });
});

const traces = (env: ClusterEnv): Promise<string[]> => tracesInCluster(env, CANARY);
