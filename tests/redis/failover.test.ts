import { test } from '@jest/globals';
import { createClient } from '../../src/redis/client.js';
import { Connection } from '../../src/redis/connection.js';
import { eventually } from '../support/eventually.js';
import { FakeSentinel } from '../support/fake-sentinel.js';
import { message } from '../support/producer.js';
import { redisSenders } from '../support/redis-senders.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

function connectionOf(url: string): () => Promise<unknown> {
  const connection = new Connection(createClient(url, { name: 'test', timeoutMs: 3_000 }), {
    name: 'test',
    heartbeatMs: 60_000,
    onConnect: async () => undefined,
    warn: () => undefined,
  });
  onTeardown(() => connection.close());
  return () => connection.run((redis) => redis.ping());
}

/** The producer of other tests, which kill primaries. */
function producerOf(url: string): () => Promise<unknown> {
  const { stream } = redisSenders(url);
  return () => stream(message('b1', []));
}

describeWithOwnRedis('by sentinels', (start) => {
  test.each([
    ['a connection', connectionOf],
    ['the producer of other tests', producerOf],
  ])('%s comes back when a failover is announced while it looks for the primary', async (_name, open) => {
    const primary = await start();
    const sentinel = await FakeSentinel.of(primary.port);
    const use = open(sentinel.url);
    await use();
    await eventually('it listens for failovers', () => sentinel.subscribers === 1);

    sentinel.isSilent = true;
    await plainClient(primary.url).call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually('it asks for the primary', () => sentinel.asking === 1);
    sentinel.announce();
    // Read in order: the announcement was heard before this connection is gone.
    await eventually('it has heard of the failover', () => sentinel.subscribers === 0);
    sentinel.speak();
    await retry(use);
  });
});
