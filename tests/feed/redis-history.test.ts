import { expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { announced, headOf, start } from '../contracts/feed/harness.js';
import { describeOnRedis, plainClient, randomPrefix } from '../support/redis-server.js';
import { retry } from '../support/wait.js';
import { announce, changeOn, openFeed, Recorder, range } from './redis-harness.js';

describeOnRedis('what Redis keeps of a file', (url) => {
  const keysOf = async (prefix: string): Promise<string[]> =>
    (await plainClient(url()).keys(`${prefix}*`)).sort();

  it('is bounded in revisions and in bytes, whichever comes first', async () => {
    const prefix = randomPrefix();
    const feed = openFeed(url(), prefix, { history: 10, historyBytes: 5_000 });
    const client = plainClient(url());
    await feed.begin('f1', start('e1'), null);
    for (const padding of ['', 'x'.repeat(1_500), '漢'.repeat(500), '']) {
      for (let i = 0; i < 25; i++) await announce(feed, 'f1', i % 3, padding);
      const [, history = ''] = await keysOf(prefix);
      const entries = await client.xrange(history, '-', '+');
      const bytes = entries.reduce((sum, [, [, payload]]) => sum + Buffer.byteLength(payload ?? ''), 0);
      expect(bytes).toBeLessThanOrEqual(5_000);
      const { revision } = await headOf(feed, 'f1');
      expect(entries.every(([id]) => Number.parseInt(id, 10) > revision - 10)).toBe(true);
      // As much as fits, and not less.
      expect(entries.length).toBeGreaterThanOrEqual(padding === '' ? 6 : 2);
    }
  });

  it('is gone a while after the last change, all of it at once', async () => {
    const prefix = randomPrefix();
    const feed = openFeed(url(), prefix, { ttlMs: 2_000 });
    const client = plainClient(url());
    await feed.begin('f1', start('e1'), null);
    await announce(feed, 'f1');
    const keys = await keysOf(prefix);
    expect(keys).toHaveLength(2);
    const left = await Promise.all(keys.map((key) => client.pttl(key)));
    for (const ms of left) expect(ms).toBeGreaterThan(500);
    for (const key of keys) await client.pexpire(key, 1_000);
    // Reading changes nothing; a change starts the time again.
    await headOf(feed, 'f1');
    for (const key of keys) expect(await client.pttl(key)).toBeLessThanOrEqual(1_000);
    await announce(feed, 'f1');
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(1_000);
    await retry(async () => expect(await keysOf(prefix)).toEqual([]));
    expect(await feed.head('f1', [])).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 9)).toBeNull();
  });

  it('stays for as long as it has a follower, on whichever gateway', async () => {
    const prefix = randomPrefix();
    const [a, b] = [openFeed(url(), prefix, { ttlMs: 600 }), openFeed(url(), prefix, { ttlMs: 600 })];
    for (const fileId of ['followed', 'left']) {
      await a.begin(fileId, start('e1'), null);
      await announce(a, fileId);
    }
    const follower = new Recorder();
    const leave = await b.follow('followed', follower);
    await retry(async () => expect(await a.head('left', [])).toBeNull());
    // This one has been there for as long.
    await follower.untilHas(await announce(a, 'followed'));
    expect(await a.since('followed', { epoch: 'e1', revision: 0 }, 2)).toHaveLength(2);
    leave();
    await retry(async () => expect(await keysOf(prefix)).toEqual([]));
  });

  it('leaves nothing of the addresses behind when a file is removed', async () => {
    const prefix = randomPrefix();
    const feed = openFeed(url(), prefix);
    const client = plainClient(url());
    await feed.begin('f1', start('e1', { batches: new Map([['b1', announced(1, 1)]]) }), null);
    await announce(feed, 'f1', 3);
    await feed.remove('f1');
    const [mark = '', ...others] = await keysOf(prefix);
    expect(others).toEqual([]);
    expect(await client.hgetall(mark)).toEqual({ removed: '1' });
    expect(await client.pttl(mark)).toBeGreaterThan(0);
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 3)).toBeNull();
    await feed.begin('f1', start('e2'), null);
    expect(await headOf(feed, 'f1', ['b1'])).toMatchObject({ epoch: 'e2', batches: new Map() });
  });

  it('never answers with a hole where Redis has evicted the history', async () => {
    const prefix = randomPrefix();
    const feed = openFeed(url(), prefix);
    const client = plainClient(url());
    await feed.begin('f1', start('e1'), null);
    for (let i = 0; i < 4; i++) await announce(feed, 'f1');
    const [, history = ''] = await keysOf(prefix);
    await client.del(history);
    const since = (revision: number, upTo = 99) => feed.since('f1', { epoch: 'e1', revision }, upTo);
    expect(await since(2)).toBeNull();
    const sent = await announce(feed, 'f1');
    expect(await since(3)).toBeNull();
    expect(await since(4)).toEqual(sent.slice(0, 1));
    await client.xdel(history, '5-0');
    expect(await since(4)).toBeNull();
  });

  it.each<[string, (client: Redis, head: string, history: string) => Promise<unknown>]>([
    [
      'a head of another type',
      async (client, head) => [await client.del(head), await client.lpush(head, 'x')],
    ],
    ['a history of another type', async (client, _, history) => client.set(history, 'x')],
    ['a revision that is none', (client, head) => client.hset(head, 'revision', '9'.repeat(24))],
    ['a revision written otherwise', (client, head) => client.hset(head, 'revision', '01')],
    ['an epoch that no gateway makes', (client, head) => client.hset(head, 'epoch', 'x'.repeat(1_000_000))],
    ['a floor that is no number', (client, head) => client.hset(head, 'floor', 'x')],
    ['a state that is no JSON', (client, head) => client.hset(head, 'state', '{', 'revision', 7)],
    ['a state without its totals', (client, head) => client.hset(head, 'state', '{}', 'revision', 7)],
    [
      'a state with totals that are none',
      (client, head) =>
        client.hset(head, 'state', '{"generation":"g","totals":null,"pace":null,"changes":1}', 'revision', 7),
    ],
    [
      'a history that has the last id there is',
      async (client, head, history) => {
        await client.multi().del(history).xadd(history, '18446744073709551615-1', 'payload', 'x').exec();
        await client.hset(head, 'kept', 1);
      },
    ],
    ['a batch that is none', (client, head) => client.hset(head, 'b:b1', 'null', 'revision', 7)],
  ])('counts as not kept where another program wrote %s', async (_, spoil) => {
    const prefix = randomPrefix();
    const feed = openFeed(url(), prefix);
    const batches = new Map([['b1', announced(1, 1)]]);
    for (const fileId of ['f1', 'f2']) await feed.begin(fileId, start('e1', { batches }), null);
    await announce(feed, 'f1');
    const known = await headOf(feed, 'f1', ['b1']);
    const names = (await keysOf(prefix)).filter((key) => key.includes('{f1}'));
    await spoil(plainClient(url()), names[0] ?? '', names[1] ?? '');
    expect(await feed.append('f1', known, changeOn('f1', known))).toBe(false);
    expect(await feed.head('f1', ['b1'])).toBeNull();
    await feed.begin('f1', start('e2', { batches }), null);
    expect(await feed.since('f1', { epoch: 'e2', revision: 0 }, 9)).toEqual([]);
    const [event] = await announce(feed, 'f1');
    expect(await feed.since('f1', { epoch: 'e2', revision: 0 }, 9)).toEqual([event]);
    // Another file is not touched.
    expect(await headOf(feed, 'f2', ['b1'])).toMatchObject({ epoch: 'e1', batches });
  });

  it('survives that Redis forgets the scripts', async () => {
    const feed = openFeed(url(), randomPrefix());
    const client = plainClient(url());
    await feed.begin('f1', start('e1'), null);
    for (let i = 0; i < 5; i++) {
      await client.script('FLUSH');
      await Promise.all(range(1, 5).map(() => announce(feed, 'f1')));
    }
    expect(await headOf(feed, 'f1')).toMatchObject({ revision: 25 });
  });

  it('is never a mixture of two changes', async () => {
    const prefix = randomPrefix();
    const [writer, reader] = [openFeed(url(), prefix), openFeed(url(), prefix)];
    await writer.begin('f1', start('e1'), null);
    let isOver = false;
    const writing = (async () => {
      for (let version = 1; version <= 200; version++) {
        const head = await headOf(writer, 'f1');
        const batches = new Map([['b1', announced(version, version)]]);
        await writer.append('f1', head, { ...changeOn('f1', head, 2), batches });
      }
      isOver = true;
    })();
    while (!isOver) {
      const { revision, batches, state } = await headOf(reader, 'f1', ['b1']);
      expect(revision).toBe(2 * (batches.get('b1')?.version ?? 0));
      if (revision > 0) expect(JSON.parse(state.stats)).toMatchObject({ revision });
      const events = await reader.since('f1', { epoch: 'e1', revision: 0 }, Number.MAX_SAFE_INTEGER);
      expect(events?.map((event) => event.revision)).toEqual(range(1, events?.length ?? -1));
    }
    await writing;
  });
});
