import { MemoryFeed } from '../../src/feed/memory-feed.js';
import { describeFeed } from './feed-contract.js';

describeFeed('MemoryFeed', async (limits) => {
  const feed = new MemoryFeed({ ...limits, totalBytes: 2 ** 30 });
  return { feed, dispose: () => feed.close() };
});
