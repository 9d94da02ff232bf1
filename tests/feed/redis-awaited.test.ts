import { expect, it } from '@jest/globals';
import { headOf, start, state } from '../contracts/feed/harness.js';
import { describeOnRedis, plainClient, randomPrefix } from '../support/redis-server.js';
import { retry } from '../support/wait.js';
import { announce, openFeed, Recorder } from './redis-harness.js';

/** The store does not have the file. */
const AWAITED = { state: state({ generation: '' }) };
const SHORT_MS = 10_000;

describeOnRedis('what Redis keeps of a file that has not begun', (url) => {
  const opened = () => {
    const prefix = randomPrefix();
    const client = plainClient(url());
    const msLeft = async (): Promise<number> => {
      const [head] = (await client.keys(`${prefix}*`)).filter((key) => key.endsWith(':head'));
      return head === undefined ? 0 : client.pttl(head);
    };
    const isShort = async () => (await msLeft()) <= SHORT_MS;
    return { feed: openFeed(url(), prefix), other: openFeed(url(), prefix), client, isShort };
  };

  it('stays for as long as it is listened to, and is gone soon afterwards', async () => {
    const { feed, isShort } = opened();
    const leave = await feed.follow('f1', new Recorder());
    await feed.begin('f1', start('e1', AWAITED), null);
    expect(await isShort()).toBe(false);
    leave();
    await retry(async () => expect(await isShort()).toBe(true));
    // Who comes back in time goes on in its epoch.
    const follower = new Recorder();
    const leaveAgain = await feed.follow('f1', follower);
    await retry(async () => expect(await isShort()).toBe(false));
    await follower.untilHas(await announce(feed, 'f1'));
    expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e1', revision: 1 });
    leaveAgain();
    await feed.ping();
    expect(await isShort()).toBe(false);
  });

  it('is gone soon where its listener has left before its epoch began', async () => {
    const { feed, isShort } = opened();
    const leave = await feed.follow('f1', new Recorder());
    leave();
    await feed.begin('f1', start('e1', AWAITED), null);
    expect(await isShort()).toBe(true);
    expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e1', revision: 0 });
    await announce(feed, 'f1');
    expect(await isShort()).toBe(false);
    // One that comes too late changes nothing.
    await feed.begin('f1', start('e2', AWAITED), null);
    expect(await isShort()).toBe(false);
    expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e1', revision: 1 });
  });

  it('stays for the listeners of another gateway', async () => {
    const { feed, other, isShort, client } = opened();
    const leave = await feed.follow('f1', new Recorder());
    await feed.begin('f1', start('e1', AWAITED), null);
    const follower = new Recorder();
    await other.follow('f1', follower);
    const said = client.duplicate();
    await said.psubscribe('*');
    const heard = new Promise<string>((done) => said.on('pmessage', (_, __, text: string) => done(text)));
    leave();
    expect(await heard).toBe('left');
    said.disconnect();
    await retry(async () => expect(await isShort()).toBe(false));
    await follower.untilHas(await announce(feed, 'f1'));
    expect((await headOf(feed, 'f1')).epoch).toBe('e1');
  });

  it('stays for its time where the store has the file, although nothing has changed yet', async () => {
    const { feed, isShort } = opened();
    const leave = await feed.follow('f1', new Recorder());
    await feed.begin('f1', start('e1'), null);
    leave();
    await feed.ping();
    expect(await isShort()).toBe(false);
  });

  it.each(['a removal', 'another epoch'])(
    'stays for its time in the place of %s, which gateways that were away have to learn of',
    async (before) => {
      const { feed, isShort } = opened();
      await feed.begin('f1', start('e1'), null);
      if (before === 'a removal') await feed.remove('f1');
      await feed.begin('f1', start('e2', AWAITED), before === 'a removal' ? null : 'e1');
      expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e2' });
      expect(await isShort()).toBe(false);
    },
  );
});
