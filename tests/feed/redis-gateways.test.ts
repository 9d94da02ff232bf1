import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { roomOf } from '../../src/domain/events.js';
import { createClient } from '../../src/redis/client.js';
import { announced, headOf, start } from '../contracts/feed/harness.js';
import { describeOnRedis, plainClient, randomPrefix } from '../support/redis-server.js';
import { retry } from '../support/wait.js';
import { announce, changeOn, openFeed, Recorder, range } from './redis-harness.js';

const HOSTILE = [
  'a',
  'a:b',
  'a:b:c',
  '{x}',
  '}{',
  '{',
  '{}',
  '%7Bx%7D',
  'a b',
  '%',
  '*',
  '😀'.repeat(128),
  '漢'.repeat(256),
];

describeOnRedis('gateways on one Redis', (url) => {
  const two = (prefix = randomPrefix()) => [openFeed(url(), prefix), openFeed(url(), prefix)] as const;

  it('lets exactly one win each revision, of hundreds that append at once', async () => {
    const [a, b] = two();
    const fileId = randomPrefix();
    await Promise.all([a.begin(fileId, start('e1'), null), b.begin(fileId, start('e1'), null)]);
    const follower = new Recorder();
    await b.follow(fileId, follower);
    let appended = 0;
    for (let round = 0; round < 10; round++) {
      const head = await headOf(a, fileId);
      const outcomes = await Promise.all(
        range(1, 40).map((i) =>
          (i % 2 ? a : b).append(fileId, head, changeOn(fileId, head, 1, `${round}/${i}`)),
        ),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      appended++;
    }
    // And each on its own, with no regard for the other.
    await Promise.all(range(1, 100).map((i) => announce(i % 2 ? a : b, fileId)));
    appended += 100;
    const head = await headOf(b, fileId);
    expect(head).toMatchObject({ revision: appended, emailsRevision: appended });
    await follower.until(({ revisions }) => revisions.length >= appended);
    expect(follower.revisions).toEqual(range(1, appended));
    const kept = await a.since(fileId, { epoch: 'e1', revision: 0 }, appended);
    expect(kept).toEqual(follower.events.filter(({ feed }) => feed === 'emails'));
  });

  it.each(HOSTILE)(
    'keeps the file %p apart from all others, and publishes it under its own name',
    async (id) => {
      const prefix = randomPrefix();
      const [a, b] = two(prefix);
      const others = HOSTILE.filter((other) => other !== id);
      const [follower, stranger] = [new Recorder(), new Recorder()];
      await b.follow(id, follower);
      for (const other of others) await b.follow(other, stranger);
      const channels = [roomOf('stats', id), roomOf('emails', id)];
      const published: [string, string][] = [];
      const listener = plainClient(url());
      await listener.subscribe(...channels);
      listener.on('message', (channel, payload) => published.push([channel, payload]));

      await a.begin(id, start('e1', { batches: new Map([[id, announced(1, 1)]]) }), null);
      const sent = [...(await announce(a, id, 2, '\u2028 "\\')), ...(await announce(a, id, 0))];
      await follower.untilHas(sent);
      expect(follower.events).toEqual(sent);
      await listener.ping();
      expect(published).toEqual(sent.map(({ feed, payload }) => [roomOf(feed, id), payload]));
      expect((await headOf(b, id, [id])).batches.get(id)).toEqual(announced(1, 1));
      for (const other of others) expect(await a.head(other, [])).toBeNull();
      expect(stranger.events).toEqual([]);

      // What a cluster would keep together, and nothing without an end.
      const keys = await plainClient(url()).keys(`${prefix}*`);
      expect(new Set(keys.map((key) => /\{(.+?)\}/.exec(key)?.[1]))).toEqual(
        new Set([encodeURIComponent(id)]),
      );
    },
  );

  it('reports a removal to the followers on all gateways, after all events that came before', async () => {
    const [a, b] = two();
    const fileId = randomPrefix();
    const [here, there] = [new Recorder(), new Recorder()];
    await a.begin(fileId, start('e1'), null);
    await a.follow(fileId, here);
    await b.follow(fileId, there);
    const sent = (await Promise.all(range(1, 20).map(() => announce(b, fileId)))).flat();
    await a.remove(fileId);
    expect(here).toMatchObject({ removals: 1 });
    await there.until(({ removals }) => removals > 0);
    for (const { events } of [here, there]) expect(events).toHaveLength(sent.length);
    expect(await b.head(fileId, [])).toBeNull();

    await b.begin(fileId, start('e2'), null);
    await b.follow(fileId, there);
    const again = await announce(a, fileId);
    await there.untilHas(again);
    expect(there.events.slice(sent.length)).toEqual(again);
    expect(here).toMatchObject({ removals: 1, events: { length: sent.length } });
  });

  it('does not wait for ever for the message of its own removal, nor takes it for another removal when it is late', async () => {
    const prefix = randomPrefix();
    const late: (() => void)[] = [];
    const slow = (name: string): Redis => {
      const client = createClient(url(), { name, timeoutMs: 3_000 });
      const emit = client.emit.bind(client);
      client.emit = (event: string, ...args: unknown[]) =>
        event === 'message' ? late.push(() => emit(event, ...args)) > 0 : emit(event, ...args);
      return client;
    };
    const feed = openFeed(url(), prefix, { redis: slow, timeoutMs: 200 });
    const [before, after] = [new Recorder(), new Recorder()];
    await feed.begin('f1', start('e1'), null);
    await feed.follow('f1', before);
    await feed.remove('f1');
    expect(before.removals).toBe(1);
    await feed.follow('f1', after);
    await feed.begin('f1', start('e2'), null);
    const sent = await announce(feed, 'f1');
    await retry(async () => expect(late.length).toBeGreaterThanOrEqual(3));
    for (const arrive of late) arrive();
    expect(after).toMatchObject({ removals: 0, events: sent });
  });

  it('ignores other installations and strangers on the public channels', async () => {
    const [a, stranger] = [openFeed(url(), randomPrefix()), openFeed(url(), randomPrefix())];
    const fileId = randomPrefix();
    const follower = new Recorder();
    await a.follow(fileId, follower);
    await a.begin(fileId, start('e1'), null);
    await stranger.begin(fileId, start('e2'), null);
    await announce(stranger, fileId);
    await plainClient(url()).publish(roomOf('emails', fileId), '{"fileId":"forged"}');
    const sent = await announce(a, fileId);
    await follower.untilHas(sent);
    expect(follower.events).toEqual(sent);
    await stranger.remove(fileId);
    expect(await a.head(fileId, [])).not.toBeNull();
  });

  it('subscribes to the files that are followed, and to no other', async () => {
    const prefix = randomPrefix();
    const feed = openFeed(url(), prefix);
    const client = plainClient(url());
    const channels = async () => (await client.pubsub('CHANNELS', `${prefix}*`)) as string[];
    const leave = await Promise.all(range(1, 30).map((i) => feed.follow(`f${i}`, new Recorder())));
    const again = await feed.follow('f1', new Recorder());
    expect(await channels()).toHaveLength(30);
    for (const unfollow of leave) unfollow();
    // Commands are carried out in order: this subscription is there after the others are gone.
    await feed.follow('f0', new Recorder());
    expect(await channels()).toHaveLength(2);
    again();
    await feed.follow('f1', new Recorder());
    expect(await channels()).toHaveLength(2);
  });

  it('follows and leaves in any order, and each follower gets the events', async () => {
    const [a, b] = two();
    const fileId = randomPrefix();
    await a.begin(fileId, start('e1'), null);
    let stop = false;
    const appending = (async () => {
      while (!stop) await announce(a, fileId);
    })();
    await Promise.all(
      range(1, 8).map(async () => {
        for (let i = 0; i < 10; i++) {
          const follower = new Recorder();
          const leave = await b.follow(fileId, follower);
          const next = await announce(b, fileId);
          await follower.untilHas(next);
          leave();
          const { revisions } = follower;
          expect(revisions).toEqual(range(revisions[0] ?? 0, (revisions[0] ?? 0) + revisions.length - 1));
        }
      }),
    );
    stop = true;
    await appending;
  });

  it('takes a change with more batches than a script has arguments on its stack', async () => {
    const [a, b] = two();
    const fileId = randomPrefix();
    const many = new Map(range(1, 20_000).map((i) => [`b${i}`, announced(i, 1)]));
    await a.begin(fileId, start('e1', { batches: many }), null);
    const head = await headOf(b, fileId, ['b1', 'b20000', 'b20001']);
    expect([...head.batches]).toEqual([
      ['b1', announced(1, 1)],
      ['b20000', announced(20_000, 1)],
    ]);
    expect(await b.append(fileId, head, changeOn(fileId, head, 3_000))).toBe(true);
    expect(await a.since(fileId, head, 3_000)).toBeNull();
    expect(await a.since(fileId, { epoch: 'e1', revision: 2_000 }, 3_000)).toHaveLength(1_000);
  });
});
