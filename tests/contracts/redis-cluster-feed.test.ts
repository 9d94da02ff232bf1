import { afterAll, beforeAll } from '@jest/globals';
import { RedisFeed } from '../../src/feed/redis-feed.js';
import { describeWhere } from '../support/describe-where.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { hasRedis, randomPrefix } from '../support/redis-server.js';
import { describeFeed } from './feed-contract.js';

describeWhere(hasRedis, 'redis-server is not on the PATH', 'on a Redis Cluster', () => {
  let cluster: RedisCluster | undefined;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster?.stop());
  describeFeed('RedisFeed', async (limits) => {
    const feed = new RedisFeed({ redis: cluster?.url ?? '', prefix: randomPrefix(), ...limits });
    return { feed, dispose: () => feed.close() };
  });
});
