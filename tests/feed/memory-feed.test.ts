import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryFeed } from '../../src/feed/memory-feed.js';
import { append, FollowerSpy, headOf, start } from '../contracts/feed/harness.js';

const TTL_MS = 10;

describe('what MemoryFeed forgets', () => {
  let feed: MemoryFeed;
  beforeEach(() => {
    jest.useFakeTimers();
    feed = new MemoryFeed({ history: 10, historyBytes: 10_000, ttlMs: TTL_MS });
  });
  afterEach(async () => {
    await feed.close();
    jest.useRealTimers();
  });

  it('forgets a file without followers, some time after its last change', async () => {
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1');
    jest.advanceTimersByTime(TTL_MS - 1);
    expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e1', revision: 1 });
    jest.advanceTimersByTime(2 * TTL_MS);
    expect(await feed.head('f1', [])).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 1 }, 1)).toBeNull();
    // It is begun anew like a new one.
    await feed.begin('f1', start('e2'), null);
    expect((await headOf(feed, 'f1')).epoch).toBe('e2');
  });

  it('keeps a file as long as it changes', async () => {
    await feed.begin('f1', start('e1'), null);
    for (let i = 1; i <= 20; i++) {
      jest.advanceTimersByTime(TTL_MS / 2);
      await append(feed, 'f1');
    }
    expect((await headOf(feed, 'f1')).revision).toBe(20);
  });

  it('keeps a file as long as it has a follower', async () => {
    const unfollow = await feed.follow('f1', new FollowerSpy());
    await feed.begin('f1', start('e1'), null);
    await feed.begin('f2', start('e1'), null);
    jest.advanceTimersByTime(100 * TTL_MS);
    expect(await feed.head('f2', [])).toBeNull();
    expect((await headOf(feed, 'f1')).epoch).toBe('e1');
    unfollow();
    jest.advanceTimersByTime(2 * TTL_MS);
    expect(await feed.head('f1', [])).toBeNull();
  });

  it('holds no process open, and leaves no timer behind', async () => {
    expect(jest.getTimerCount()).toBe(1);
    await feed.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});
