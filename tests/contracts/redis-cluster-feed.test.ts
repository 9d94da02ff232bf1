import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import calculateSlot from 'cluster-key-slot';
import { Redis } from 'ioredis';
import type { Feed, FeedEvent } from '../../src/feed/feed.js';
import { keysOf } from '../../src/feed/redis/scripts.js';
import { RedisFeed } from '../../src/feed/redis-feed.js';
import { describeWhere } from '../support/describe-where.js';
import { thoroughTest } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { hasRedis, plainClient, randomPrefix } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { append, FollowerSpy, start } from './feed/harness.js';
import { describeFeed } from './feed-contract.js';

const LIMITS = { history: 100, historyBytes: 2 ** 20, ttlMs: 60_000 };

describeWhere(hasRedis, 'redis-server is not on the PATH', 'on a Redis Cluster', () => {
  let running: RedisCluster | undefined;
  beforeAll(async () => {
    running = await RedisCluster.start();
  });
  afterAll(() => running?.stop());
  const cluster = () => running as RedisCluster;

  describeFeed('RedisFeed', async (limits) => {
    const feed = new RedisFeed({ redis: cluster().url, prefix: randomPrefix(), ...limits });
    return { feed, dispose: () => feed.close() };
  });

  describe('sharded channels', () => {
    /** Two gateways of one installation. */
    function openFeeds(): { prefix: string; feeds: [RedisFeed, RedisFeed] } {
      const prefix = randomPrefix();
      const open = () => new RedisFeed({ redis: cluster().url, prefix, ...LIMITS, timeoutMs: 1_000 });
      const feeds: [RedisFeed, RedisFeed] = [open(), open()];
      onTeardown(async () => void (await Promise.all(feeds.map((feed) => feed.close()))));
      return { prefix, feeds };
    }

    async function channelsOf(prefix: string): Promise<{ sharded: string[][]; ordinary: string[][] }> {
      const ask = (kind: string) =>
        Promise.all(
          cluster().primaries.map(async ({ url }) => {
            const client = new Redis(url);
            const channels = (await client.call('pubsub', kind, `${prefix}*`)) as string[];
            client.disconnect();
            return channels.sort();
          }),
        );
      return { sharded: await ask('shardchannels'), ordinary: await ask('channels') };
    }

    test("a file's messages go to the shard of the file only, and its mirrors to ordinary channels", async () => {
      const { prefix, feeds } = openFeeds();
      const [first, second] = feeds;
      const files = Array.from({ length: 12 }, (_, i) => `f${i}`);
      const followers = files.map(() => new FollowerSpy());
      await Promise.all(files.map((file, i) => first.follow(file, followers[i] ?? new FollowerSpy())));
      const expected = cluster().primaries.map((_, number) =>
        files
          .map((file) => keysOf(prefix, file).channel)
          .filter((channel) => cluster().shardOf(calculateSlot(channel)) === number)
          .sort(),
      );
      expect(expected.filter((channels) => channels.length > 0).length).toBeGreaterThan(1);
      expect(await channelsOf(prefix)).toEqual({ sharded: expected, ordinary: [[], [], []] });
      const mirror = plainClient(cluster().primaries[0]?.url ?? '');
      const mirrored: string[] = [];
      mirror.on('message', (_channel: string, payload: string) => mirrored.push(payload));
      await mirror.subscribe(...files.map((file) => `file_emails:${file}`));
      const sent = await Promise.all(
        files.map(async (file) => {
          await second.begin(file, start('e1'), null);
          return append(second, file, 2);
        }),
      );
      await eventually('every event came', () =>
        followers.every(({ events }, i) => events.length === sent[i]?.length),
      );
      expect(followers.map(({ events }) => events)).toEqual(sent);
      await eventually('the mirrors came', () => mirrored.length >= 2 * files.length);
      const emails = sent.flat().filter(({ feed }) => feed === 'emails');
      expect(mirrored.sort()).toEqual(emails.map(({ payload }) => payload).sort());
    });

    test('a follower goes on where the slot of its file has moved, and the other files are not disturbed', async () => {
      const { prefix, feeds } = openFeeds();
      const [first, second] = feeds;
      const [moving, staying] = [new FollowerSpy(), new FollowerSpy()];
      await first.follow('moving', moving);
      await first.follow('staying', staying);
      for (const file of ['moving', 'staying']) await second.begin(file, start('e1'), null);
      await append(second, 'moving', 1, 'before');
      for (const round of [2, 3]) {
        await cluster().moveSlotOf(keysOf(prefix, 'moving').channel);
        await second.begin('moving', start(`e${round}`), null);
        await expectAllToCome(second, 'moving', moving);
      }
      const sent = await append(second, 'staying', 3);
      await eventually('the file that stayed goes on', () => staying.events.length === sent.length);
      expect(staying.events).toEqual(sent);
    });

    test('a follower goes on where the slot of its file was away and is back before anybody looks', async () => {
      const { prefix, feeds } = openFeeds();
      const [first, second] = feeds;
      const file = 'away and back';
      const follower = new FollowerSpy();
      await first.follow(file, follower);
      await cluster().moveSlotAwayAndBack(keysOf(prefix, file).channel);
      await second.begin(file, start('e1'), null);
      await expectAllToCome(second, file, follower);
    });

    // A failover takes seconds.
    thoroughTest(
      'a follower goes on where the primary of its file hangs, and the other files do not wait',
      async () => {
        const { prefix, feeds } = openFeeds();
        const [first, second] = feeds;
        const shards = cluster().primaries.map((_, number) => fileIn(number, prefix));
        const followers = shards.map(() => new FollowerSpy());
        for (const [i, file] of shards.entries()) {
          await first.follow(file, followers[i] ?? new FollowerSpy());
          await second.begin(file, start('e1'), null);
          await append(second, file, 1);
        }
        await eventually('all is set up', () => followers.every(({ events }) => events.length === 2));
        const [hung, ...others] = shards as [string, ...string[]];
        const goOn = (await cluster().primaries[0]?.freeze()) ?? (() => undefined);
        onTeardown(goOn);
        for (const [i, file] of others.entries()) {
          const sent = await append(second, file, 1, 'meanwhile');
          const { events } = followers[i + 1] as FollowerSpy;
          // Less than the time after which a hanging node is given up.
          await eventually(
            'another file goes on',
            () => events.at(-1)?.payload === sent.at(-1)?.payload,
            900,
          );
        }
        await eventually('its replica was promoted', async () => {
          const head = await second.head(hung, []).catch(() => undefined);
          return head === null;
        });
        await second.begin(hung, start('e2'), null);
        await expectAllToCome(second, hung, followers[0] as FollowerSpy);
        goOn();
        await cluster().untilSafe();
        // What was the primary is a replica now, and tells so.
        await expectAllToCome(second, hung, followers[0] as FollowerSpy);
      },
    );

    const fileIn = (shard: number, prefix: string): string => {
      for (let i = 0; ; i++) {
        const slot = calculateSlot(keysOf(prefix, `f${i}`).channel);
        if (cluster().shardOf(slot) === shard) return `f${i}`;
      }
    };
  });
});

/** The follower hears of the next change, however it was missed, and of every later one, each once and in order. */
async function expectAllToCome(feed: Feed, file: string, follower: FollowerSpy): Promise<void> {
  const until = (last: FeedEvent | undefined) =>
    eventually('the newest event came', () =>
      follower.events.some(({ feed, revision }) => feed === last?.feed && revision === last.revision),
    );
  follower.events.length = 0;
  const first = await append(feed, file, 1, 'after the move');
  await until(first.at(-1));
  follower.events.length = 0;
  const later: FeedEvent[] = [];
  for (let i = 0; i < 20; i++) later.push(...(await append(feed, file, i % 3, `later ${i}`)));
  await until(later.at(-1));
  expect(follower.events).toEqual(later);
}
