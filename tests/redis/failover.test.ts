import { expect, test } from '@jest/globals';
import { createClient } from '../../src/redis/client.js';
import { Connection } from '../../src/redis/connection.js';
import { eventually } from '../support/eventually.js';
import { FakeSentinel } from '../support/fake-sentinel.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';

describeWithOwnRedis('a connection by sentinels', (start) => {
  test('comes back when a failover is announced while it looks for the primary', async () => {
    const primary = await start();
    const sentinel = await FakeSentinel.of(primary.port);
    const connection = new Connection(createClient(sentinel.url, { name: 'test', timeoutMs: 3_000 }), {
      name: 'test',
      heartbeatMs: 60_000,
      onConnect: async () => undefined,
      warn: () => undefined,
    });
    onTeardown(() => connection.close());
    const ping = () => connection.run((redis) => redis.ping());
    expect(await ping()).toBe('PONG');
    await eventually('it listens for failovers', () => sentinel.subscribers === 1);

    sentinel.isSilent = true;
    await plainClient(primary.url).call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await eventually('it asks for the primary', () => sentinel.asking === 1);
    sentinel.announce();
    // Read in order: the announcement was heard before this connection is gone.
    await eventually('it has heard of the failover', () => sentinel.subscribers === 0);
    sentinel.speak();
    await eventually('it is back', () =>
      ping().then(
        (answer) => answer === 'PONG',
        () => false,
      ),
    );
  });
});
