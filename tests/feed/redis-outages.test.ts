import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Feed } from '../../src/feed/feed.js';
import { headOf, start } from '../contracts/feed/harness.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { retry } from '../support/wait.js';
import { announce, changeOn, openFeed, Recorder, range } from './redis-harness.js';

const PREFIX = 'verigate:';
const unavailable = expect.objectContaining({ name: 'Fault', code: 'unavailable' });

/** Every call of the port that needs Redis. */
const calls = (feed: Feed): Promise<unknown>[] => [
  feed.head('f1', []),
  feed.begin('f1', start('e9'), null),
  feed.append(
    'f1',
    { epoch: 'e1', revision: 0 },
    changeOn('f1', { epoch: 'e1', revision: 0, emailsRevision: 0 }),
  ),
  feed.since('f1', { epoch: 'e1', revision: 0 }, 9),
  feed.follow('f9', new Recorder()),
  feed.remove('f1'),
];

async function expectUnavailable(feed: Feed, withinMs: number): Promise<void> {
  const from = performance.now();
  for (const outcome of await Promise.allSettled(calls(feed))) {
    expect(outcome).toEqual({ status: 'rejected', reason: unavailable });
    // Nothing of the client goes on: its errors hold the command with everything in it.
    const { cause } = (outcome as PromiseRejectedResult).reason as { cause: Error };
    expect(Object.getPrototypeOf(cause)).toBe(Error.prototype);
    expect(Object.keys(cause)).toEqual([]);
    expect(cause.message).not.toContain('é.test');
  }
  expect(performance.now() - from).toBeLessThan(withinMs);
}

describeWithOwnRedis('while Redis is in trouble', (redis) => {
  it.each([
    { persistent: false, empty: true },
    { persistent: true, empty: false },
  ])('begins anew after a crash: %p', async ({ persistent, empty }) => {
    const server = await redis({ persistent });
    const [a, b] = [openFeed(server.url, PREFIX), openFeed(server.url, PREFIX)];
    const follower = new Recorder();
    await a.begin('f1', start('e1'), null);
    await b.follow('f1', follower);
    await follower.untilHas(await announce(a, 'f1'));
    await server.kill();
    await retry(() => expectUnavailable(a, 5_000));
    await expectUnavailable(b, 5_000);
    await server.startAgain({ empty });
    // What came back from a disk may lack the newest changes: a revision must not be given away twice.
    await retry(async () => expect(await a.head('f1', [])).toBeNull());
    await a.begin('f1', start('e2'), null);
    // It cannot be known whether something was lost with it.
    await follower.until(({ events }) => events.length >= 3);
    await retry(() => b.follow('f2', new Recorder()));
    await follower.untilHas(await announce(a, 'f1'));
    await follower.untilHas(await announce(b, 'f1', 2));
    const own = follower.events
      .slice(2)
      .filter(({ payload }) => (JSON.parse(payload) as { revision: number }).revision > 0);
    expect(own.map(({ feed, revision }) => `${feed} ${revision}`)).toEqual([
      'emails 1',
      'stats 1',
      'emails 2',
      'emails 3',
      'stats 3',
    ]);
  });

  it('waits for a Redis that pauses, and gives up on one that pauses for too long', async () => {
    const { url } = await redis();
    const feed = openFeed(url, PREFIX, { timeoutMs: 600 });
    const follower = new Recorder();
    await feed.begin('f1', start('e1'), null);
    await feed.follow('f1', follower);
    const client = plainClient(url);
    await client.call('CLIENT', 'PAUSE', '100', 'ALL');
    const first = await announce(feed, 'f1');
    await follower.untilHas(first);

    await client.call('CLIENT', 'PAUSE', '4000', 'ALL');
    await expectUnavailable(feed, 3_500);
    // It may have been carried out all the same: the caller reads the head again.
    await retry(() => feed.begin('f1', start('e2'), null));
    await retry(() => feed.follow('f1', follower));
    await follower.untilHas(await announce(feed, 'f1'));
  });

  it('gives up on a Redis that hangs, and is back when it is', async () => {
    const server = await redis();
    const warnings: string[] = [];
    const feed = openFeed(server.url, PREFIX, {
      timeoutMs: 1_500,
      warn: (message) => warnings.push(message),
    });
    const follower = new Recorder();
    await feed.begin('f1', start('e1'), null);
    await feed.follow('f1', follower);
    const thaw = await server.freeze();
    await expectUnavailable(feed, 10_000);
    // Known to be away by now: no call waits for it any more.
    await retry(() => expectUnavailable(feed, 1_000));
    for (let i = 0; i < 10; i++) {
      await expectUnavailable(feed, 1_000);
      // Spread over more than one attempt to connect.
      await pause(50);
    }
    thaw();
    await retry(() => feed.ping());
    await retry(() => feed.begin('f1', start('e2'), null));
    await retry(() => feed.follow('f1', follower));
    await follower.untilHas(await announce(feed, 'f1'));
    for (const name of ['commands', 'subscriptions']) {
      expect(warnings.filter((text) => text.startsWith(`Redis is away (${name})`))).toHaveLength(1);
      await retry(async () => expect(warnings).toContain(`Redis is back (${name})`));
    }
  });

  it('starts without a Redis, and uses it when it is there', async () => {
    const server = await redis();
    await server.kill();
    const feed = openFeed(server.url, PREFIX);
    await expectUnavailable(feed, 5_000);
    await expectUnavailable(feed, 1_000);
    await server.startAgain();
    await retry(() => feed.ping());
    await feed.begin('f1', start('e1'), null);
    const follower = new Recorder();
    await retry(() => feed.follow('f1', follower));
    await follower.untilHas(await announce(feed, 'f1'));
  });

  it('closes at once, whatever state Redis is in', async () => {
    const server = await redis();
    const unused = openFeed(server.url, PREFIX);
    const feeds = range(1, 2).map(() => openFeed(server.url, PREFIX, { timeoutMs: 20_000 }));
    for (const feed of feeds) await feed.follow('f1', new Recorder());
    const underway = announce(openFeed(server.url, PREFIX), 'f1').catch((error: unknown) => error);
    const thaw = await server.freeze();
    const from = performance.now();
    await Promise.all([unused.close(), feeds[0]?.close()]);
    expect(performance.now() - from).toBeLessThan(10_000);
    thaw();
    await underway;
    await server.kill();
    await feeds[1]?.close();
    for (const feed of [unused, ...feeds]) await expectUnavailable(feed, 1_000);
  });

  it('finishes on closing what it has begun', async () => {
    const { url } = await redis();
    const [a, b] = [openFeed(url, PREFIX), openFeed(url, PREFIX)];
    await a.begin('f1', start('e1'), null);
    const head = await headOf(a, 'f1');
    const appending = a.append('f1', head, changeOn('f1', head));
    await Promise.resolve();
    await a.close();
    expect(await appending).toBe(true);
    expect(await headOf(b, 'f1')).toMatchObject({ revision: 1 });
  });
});
