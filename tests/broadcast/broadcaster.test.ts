import { expect, test } from '@jest/globals';
import { Broadcaster, type Rooms } from '../../src/broadcast/broadcaster.js';
import { Fault } from '../../src/errors.js';
import type { Feed, Follower } from '../../src/feed/feed.js';

/** A feed whose events the test makes, and rooms whose listeners are told of a deletion when the test says so. */
function stage(maxFiles: number) {
  const followers = new Map<string, Follower>();
  const followed: string[] = [];
  let allAreTold: () => void = () => undefined;
  const feed = {
    follow: async (fileId: string, follower: Follower) => {
      followed.push(fileId);
      followers.set(fileId, follower);
      return () => followers.delete(fileId);
    },
  } as unknown as Feed;
  const rooms: Rooms = {
    send: () => undefined,
    recheckAccess: () => null,
    removed: () => new Promise((resolve) => (allAreTold = resolve)),
  };
  const broadcaster = new Broadcaster(feed, rooms, maxFiles);
  const isRefused = async (fileId: string, caller: string) => {
    const error = await broadcaster.join(fileId, caller).then(
      () => null,
      (error: unknown) => error,
    );
    return error instanceof Fault && error.code === 'rate_limited';
  };
  return { broadcaster, followers, followed, isRefused, tell: () => allAreTold() };
}

test('one caller may have half of the files that the others leave, and what it gives back is free again', async () => {
  const { broadcaster, isRefused, followers } = stage(8);
  const files = await Promise.all(['1', '2', '3', '4'].map((id) => broadcaster.join(id, 'jane')));
  expect(await isRefused('5', 'jane')).toBe(true);
  // The file is followed already: it takes nothing more.
  const again = await broadcaster.join('1', 'jane');
  await Promise.all(['a', 'b'].map((id) => broadcaster.join(id, 'lee')));
  expect(await isRefused('c', 'lee')).toBe(true);
  broadcaster.leave(again, 'jane');
  expect(await isRefused('5', 'jane')).toBe(true);
  for (const file of files) broadcaster.leave(file, 'jane');
  await new Promise(setImmediate);
  expect([...followers.keys()]).toEqual(['a', 'b']);
  expect(await isRefused('c', 'lee')).toBe(false);
});

test('a file counts for the caller that has listened to it for the longest', async () => {
  const { broadcaster, isRefused } = stage(4);
  const [first, second] = [await broadcaster.join('1', 'jane'), await broadcaster.join('2', 'jane')];
  await broadcaster.join('1', 'lee');
  await broadcaster.join('2', 'lee');
  expect(await isRefused('3', 'jane')).toBe(true);
  broadcaster.leave(first, 'jane');
  broadcaster.leave(second, 'jane');
  expect(await isRefused('3', 'lee')).toBe(true);
  expect(await isRefused('3', 'jane')).toBe(false);
});

test('a file that is deleted counts for no caller, and those who come meanwhile wait until all are told', async () => {
  const { broadcaster, followers, followed, isRefused, tell } = stage(2);
  const before = await broadcaster.join('1', 'jane');
  expect(await isRefused('2', 'jane')).toBe(true);
  followers.get('1')?.removed();
  expect(before.isRemoved).toBe(true);
  let joined = false;
  const next = broadcaster.join('1', 'jane').then((file) => {
    joined = true;
    return file;
  });
  await new Promise(setImmediate);
  expect([joined, followed]).toEqual([false, ['1']]);
  tell();
  const after = await next;
  expect(followed).toEqual(['1', '1']);
  // Of the file as it was: those who listen to the new one keep it.
  broadcaster.leave(before, 'jane');
  expect([...followers.keys()]).toEqual(['1']);
  expect(await isRefused('2', 'jane')).toBe(true);
  broadcaster.leave(after, 'jane');
  await new Promise(setImmediate);
  expect([...followers.keys()]).toEqual([]);
  expect(await isRefused('2', 'jane')).toBe(false);
});
