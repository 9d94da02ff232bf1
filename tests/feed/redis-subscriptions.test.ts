import { expect, it } from '@jest/globals';
import { connector } from '../../src/redis/client.js';
import { ConnectionSubscriptions } from '../../src/redis/subscriptions.js';
import { headOf, start } from '../contracts/feed/harness.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { announce, openFeed, Recorder, range } from './redis-harness.js';

const PREFIX = 'verigate:';

/** Does something while nothing can be subscribed to. */
async function cutWhile(url: string, work: () => Promise<unknown>): Promise<void> {
  const client = plainClient(url);
  await client.acl('SETUSER', 'default', '-subscribe');
  await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await work();
  await client.acl('SETUSER', 'default', '+subscribe');
}

describeWithOwnRedis('while subscriptions are cut', (redis) => {
  it('misses nothing and delivers nothing twice when subscriptions are cut again and again', async () => {
    const { url } = await redis();
    const [a, b] = [openFeed(url, PREFIX), openFeed(url, PREFIX)];
    const files = range(1, 5).map((i) => `f${i}`);
    const follower = new Map(files.map((fileId) => [fileId, new Recorder()]));
    for (const fileId of files) await a.begin(fileId, start('e1'), null);
    for (const [fileId, recorder] of follower) await b.follow(fileId, recorder);
    const client = plainClient(url);
    for (let round = 0; round < 8; round++) {
      await Promise.all([
        ...files.flatMap((fileId) => range(1, 6).map((i) => announce(a, fileId, i % 3))),
        client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      ]);
    }
    for (const [fileId, recorder] of follower) {
      const { revision } = await headOf(a, fileId);
      const emails = await a.since(fileId, { epoch: 'e1', revision: 0 }, revision);
      // The stats are absolute: of those that were missed, the newest are delivered.
      await recorder.until(({ events }) => events.some((e) => e.feed === 'stats' && e.revision === revision));
      expect(recorder.events.filter(({ feed }) => feed === 'emails')).toEqual(emails);
      const steps = recorder.events.map(({ feed, revision }) => 2 * revision + Number(feed === 'stats'));
      expect(steps).toEqual([...new Set(steps)].sort((x, y) => x - y));
    }
  });

  it('says that something is missing where the history does not reach back', async () => {
    const { url } = await redis();
    const limits = { history: 3 };
    const [a, b] = [openFeed(url, PREFIX, limits), openFeed(url, PREFIX, limits)];
    const follower = new Recorder();
    await a.begin('f1', start('e1'), null);
    await b.follow('f1', follower);
    await follower.untilHas(await announce(a, 'f1'));
    await cutWhile(url, () => Promise.all(range(1, 30).map(() => announce(a, 'f1'))));
    await follower.until(({ events }) =>
      events.some((event) => event.feed === 'stats' && event.revision === 31),
    );
    // To a listener that has every event it is a repeat; to all others `previous` shows the gap.
    const notice = { fileId: 'f1', epoch: 'e1', revision: 31, previous: 31, emails: [] };
    expect(JSON.parse(follower.payloads.at(2) ?? '')).toEqual(notice);
    const next = await announce(a, 'f1');
    await follower.untilHas(next);
    expect(follower.revisions).toEqual([1, 31, 32]);
  });

  it('reports an epoch that began while the subscription was lost, and a removal', async () => {
    const { url } = await redis();
    const [a, b] = [openFeed(url, PREFIX), openFeed(url, PREFIX)];
    const [replaced, removed] = [new Recorder(), new Recorder()];
    for (const fileId of ['f1', 'f2']) await a.begin(fileId, start('e1'), null);
    await b.follow('f1', replaced);
    await b.follow('f2', removed);
    await replaced.untilHas(await announce(a, 'f1'));
    await removed.untilHas(await announce(a, 'f2'));
    await cutWhile(url, async () => {
      await a.begin('f1', start('e2'), 'e1');
      await a.remove('f2');
    });
    await removed.until(({ removals }) => removals > 0);
    await replaced.until(({ events }) => events.length >= 4);
    expect(JSON.parse(replaced.payloads[2] ?? '')).toMatchObject({ epoch: 'e2', revision: 0, previous: 0 });
    expect(replaced.events[3]).toMatchObject({ feed: 'stats', revision: 0 });
    const next = await announce(a, 'f1');
    await replaced.untilHas(next);
    expect(replaced.events.slice(4)).toEqual(next);
    expect(removed).toMatchObject({ removals: 1, events: { length: 2 } });
  });

  it('is not taken for live where it is given up before the server has confirmed it', async () => {
    const { url } = await redis();
    const ignored = { message: () => undefined, lost: () => undefined, subscribed: () => undefined };
    const client = connector(url, 3_000)('subscriptions', 'subscriber');
    const subscriptions = new ConnectionSubscriptions(client, ignored, {
      timeoutMs: 3_000,
      warn: () => undefined,
    });
    onTeardown(() => subscriptions.close());
    const live = () => ['kept', 'given up'].map((channel) => subscriptions.isLive(channel));
    await subscriptions.subscribe('kept');
    const subscribed = subscriptions.subscribe('given up');
    subscriptions.unsubscribe('given up');
    expect(live()).toEqual([true, false]);
    await subscribed;
    expect(live()).toEqual([true, false]);
  });
});
