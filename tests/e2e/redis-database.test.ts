import { expect, test } from '@jest/globals';
import { untilReadiness } from '../support/checks.js';
import { eventually } from '../support/eventually.js';
import { spawnGateway } from '../support/gateway.js';
import { runToEnd } from '../support/process.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';

/** Nothing listens there: what the database of the store does is not the question. */
const MONGODB_URI = 'mongodb://127.0.0.1:1/verigate';

describeWithOwnRedis('a database that the Redis server does not have', (start) => {
  test('ends the start with 78, and does not mean database 0', async () => {
    const { url } = await start();
    const { code, lines, stderr } = await runToEnd({ MONGODB_URI, REDIS_URL: `${url}/99` });
    expect([code, stderr]).toEqual([78, '']);
    expect(lines.at(-1)?.msg).toBe(
      'wrong configuration: REDIS_URL: the server has no database of this number',
    );
  });

  test('keeps a gateway from being ready that has started without the server', async () => {
    const server = await start();
    await server.kill();
    const gateway = await spawnGateway({ MONGODB_URI, REDIS_URL: `${server.url}/99` });
    await server.startAgain();
    const redis = plainClient(server.url);
    await eventually('the server refuses', async () =>
      /cmdstat_select:.*failed_calls=[1-9]/.test(await redis.info('commandstats')),
    );
    await untilReadiness(gateway.url, 'database', 'redis');
    expect(await redis.dbsize()).toBe(0);
  });
});
