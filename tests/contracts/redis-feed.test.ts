import { RedisFeed } from '../../src/feed/redis-feed.js';
import { describeOnRedis, randomPrefix } from '../support/redis-server.js';
import { describeFeed } from './feed-contract.js';

describeOnRedis('on Redis', (url) => {
  describeFeed('RedisFeed', async (limits) => {
    const feed = new RedisFeed({ redis: url(), prefix: randomPrefix(), ...limits });
    return { feed, dispose: () => feed.close() };
  });
});
