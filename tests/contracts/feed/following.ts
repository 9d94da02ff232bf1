import { expect, it } from '@jest/globals';
import type { FeedEvent } from '../../../src/feed/feed.js';
import { eventually } from '../../support/eventually.js';
import { append, change, events, FollowerSpy, headOf, type Opens, start } from './harness.js';

const has = (follower: FollowerSpy, last: FeedEvent | undefined) => () =>
  follower.events.some(({ payload }) => payload === last?.payload);

export function following(open: Opens): void {
  it('delivers each event to every follower once, in order, byte for byte', async () => {
    const feed = await open();
    const [first, second, stranger] = [new FollowerSpy(), new FollowerSpy(), new FollowerSpy()];
    // Following may begin before the file has an epoch.
    await feed.follow('f1', first);
    await feed.follow('f', stranger);
    await feed.begin('f1', start('e1'), null);
    await feed.begin('f', start('e1'), null);
    const sent = [...(await append(feed, 'f1', 3, 'é😀\\u0000')), ...(await append(feed, 'f1', 0))];
    await eventually('the events came', has(first, sent.at(-1)));
    await feed.follow('f1', second);
    const later: FeedEvent[] = [];
    for (let i = 0; i < 50; i++) later.push(...(await append(feed, 'f1', i % 3, `later ${i}`)));
    await eventually('the last event came', () => has(first, later.at(-1))() && has(second, later.at(-1))());
    expect(first.events).toEqual([...sent, ...later]);
    expect(second.events).toEqual(later);
    const barrier = await append(feed, 'f', 1);
    await eventually('the barrier came', has(stranger, barrier.at(-1)));
    expect(stranger.events).toEqual(barrier);
  });

  it('delivers nothing of an append that was refused', async () => {
    const feed = await open();
    const follower = new FollowerSpy();
    await feed.follow('f1', follower);
    await feed.begin('f1', start('e1'), null);
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        feed.append('f1', { epoch: 'e1', revision: 0 }, change(events({ revision: 0 }, 1, `${i}`))),
      ),
    );
    const barrier = await append(feed, 'f1', 1, 'barrier');
    await eventually('the barrier came', has(follower, barrier.at(-1)));
    expect(follower.events.map(({ revision }) => revision)).toEqual([1, 1, 2, 2]);
  });

  it('shows a follower the head that its event belongs to', async () => {
    const feed = await open();
    const seen: Promise<number>[] = [];
    const follower = new FollowerSpy();
    await feed.follow('f1', {
      event(event) {
        follower.event(event);
        seen.push(headOf(feed, 'f1').then(({ revision }) => revision - event.revision));
      },
      removed: () => undefined,
    });
    await feed.begin('f1', start('e1'), null);
    const sent = await append(feed, 'f1', 3);
    await eventually('the events came', has(follower, sent.at(-1)));
    for (const ahead of await Promise.all(seen)) expect(ahead).toBeGreaterThanOrEqual(0);
  });

  it('delivers nothing after unfollowing, and goes on delivering to the others', async () => {
    const feed = await open();
    const [gone, here] = [new FollowerSpy(), new FollowerSpy()];
    const unfollow = await feed.follow('f1', gone);
    await feed.follow('f1', here);
    await feed.begin('f1', start('e1'), null);
    const sent = await append(feed, 'f1');
    await eventually('both have the events', () => has(gone, sent.at(-1))() && has(here, sent.at(-1))());
    await unfollow();
    await unfollow();
    const barrier = await append(feed, 'f1');
    await eventually('the barrier came', has(here, barrier.at(-1)));
    expect(gone.events).toEqual(sent);
    await feed.remove('f1');
    await eventually('the removal came', () => here.removals > 0);
    expect(gone.removals).toBe(0);
  });

  it('lets a follower leave, and another one come, while an event is delivered', async () => {
    const feed = await open();
    const [leaving, staying] = [new FollowerSpy(), new FollowerSpy()];
    const unfollow = await feed.follow('f1', {
      event(event) {
        leaving.event(event);
        unfollow();
      },
      removed: () => leaving.removed(),
    });
    await feed.follow('f1', staying);
    await feed.begin('f1', start('e1'), null);
    const sent = [...(await append(feed, 'f1', 2)), ...(await append(feed, 'f1', 2))];
    await eventually('the rest came', has(staying, sent.at(-1)));
    expect(staying.events).toEqual(sent);
    expect(leaving.events).toEqual(sent.slice(0, 1));
  });

  it('reports once that the file was removed, and then delivers nothing more', async () => {
    const feed = await open();
    const [follower, witness] = [new FollowerSpy(), new FollowerSpy()];
    await feed.follow('f1', follower);
    await feed.begin('f1', start('e1'), null);
    const sent = await append(feed, 'f1');
    await feed.remove('f1');
    await eventually('the removal came', () => follower.removals > 0);
    expect(await feed.head('f1', [])).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 0 }, 9)).toBeNull();
    // The id may be used again; followers of the old file do not follow the new one.
    await feed.follow('f1', witness);
    await feed.begin('f1', start('e2'), null);
    const barrier = await append(feed, 'f1');
    await eventually('the barrier came', has(witness, barrier.at(-1)));
    expect(witness).toMatchObject({ events: barrier, removals: 0 });
    expect(follower).toMatchObject({ events: sent, removals: 1 });
  });

  it('ignores the removal of a file that is not there', async () => {
    const feed = await open();
    const follower = new FollowerSpy();
    await feed.follow('f2', follower);
    await feed.remove('f1');
    await feed.remove('f1');
    expect(follower.removals).toBe(0);
  });

  it('goes on delivering across epochs', async () => {
    const feed = await open();
    const follower = new FollowerSpy();
    await feed.follow('f1', follower);
    await feed.begin('f1', start('e1'), null);
    const sent = await append(feed, 'f1');
    await feed.begin('f1', start('e2'), 'e1');
    sent.push(...(await append(feed, 'f1')));
    await eventually('both have the events', () => follower.events.length >= 4);
    expect(follower.events).toEqual(sent);
  });
}

export function leaving(open: Opens): void {
  it('closes twice, at once or later, and delivers nothing afterwards', async () => {
    const feed = await open();
    const follower = new FollowerSpy();
    const unfollow = await feed.follow('f1', follower);
    await feed.begin('f1', start('e1'), null);
    await Promise.all([feed.close(), feed.close()]);
    await feed.close();
    await unfollow();
    expect(follower).toMatchObject({ events: [], removals: 0 });
  });
}
