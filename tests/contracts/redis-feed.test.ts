import { expect, it } from '@jest/globals';
import { RedisFeed } from '../../src/feed/redis-feed.js';
import { describeOnRedis, randomPrefix } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { announced, append, change, events, headOf, start } from './feed/harness.js';
import { describeFeed } from './feed-contract.js';

describeOnRedis('on Redis', (url) => {
  describeFeed('RedisFeed', async (limits) => {
    const feed = new RedisFeed({ redis: url(), prefix: randomPrefix(), ...limits });
    return { feed, dispose: () => feed.close() };
  });

  it('remembers the head that it has left only while no other gateway appends', async () => {
    const prefix = randomPrefix();
    const limits = { history: 10, historyBytes: 2 ** 20, ttlMs: 60_000 };
    const [one, other] = [0, 1].map(() => {
      const feed = new RedisFeed({ redis: url(), prefix, ...limits });
      onTeardown(() => feed.close());
      return feed;
    }) as [RedisFeed, RedisFeed];
    const batches = new Map([['b1', announced(1, 1)]]);
    await one.begin('f1', start('e1'), null);
    const first = await headOf(one, 'f1');
    await one.append('f1', first, change(events(first), { batches }));
    expect(one.lastHead('f1', ['b1'])).toMatchObject({ revision: 1 });
    // Nothing is known of a batch that it has neither read nor appended, which may be announced.
    expect(one.lastHead('f1', ['b2'])).toBeNull();
    await append(other, 'f1');
    const late = one.lastHead('f1', ['b1']) as Awaited<ReturnType<typeof headOf>>;
    expect(await one.append('f1', late, change(events(late)))).toBe(false);
    expect(one.lastHead('f1', ['b1'])).toBeNull();
    await append(one, 'f1');
    // It may be out of date again, as it was the last time.
    expect(one.lastHead('f1', [])).toBeNull();
    await append(one, 'f1');
    expect(one.lastHead('f1', [])).toMatchObject({ revision: 4 });
  });
});
