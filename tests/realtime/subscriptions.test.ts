import { expect, test } from '@jest/globals';
import type { Guard } from '../../src/auth/guard.js';
import { UNAUTHENTICATED } from '../../src/auth/principal.js';
import type { Broadcaster } from '../../src/broadcast/broadcaster.js';
import { roomOf } from '../../src/domain/events.js';
import { JsonText } from '../../src/domain/json-text.js';
import { createMetrics } from '../../src/metrics.js';
import { TurnLimit } from '../../src/portions.js';
import { SharedLimits, Subscriptions } from '../../src/realtime/subscriptions.js';
import type { Snapshots } from '../../src/snapshot/snapshots.js';

const FILES = Array.from({ length: 1_000 }, (_, n) => `f${n}`);

/**
 * Sockets without a server. `isReadable` says, each time that it is asked, whether files may be read; `snapshot` is awaited
 * before a snapshot is answered.
 */
function stage({
  maxSubscriptions = 10_000,
  isReadable = async (_fileId: string) => true,
  snapshot = async () => {},
} = {}) {
  const followed: { fileId: string; isRemoved: boolean }[] = [];
  const left: string[] = [];
  const limits = new SharedLimits(maxSubscriptions);
  const deps = {
    limits,
    guard: {
      readAccess: async (_: unknown, fileId: string) => ({ isGranted: await isReadable(fileId), file: null }),
      authenticate: async () => UNAUTHENTICATED,
    } as unknown as Guard,
    broadcaster: {
      untilAllAreTold: async () => undefined,
      join: async (fileId: string) => {
        const rooms = { stats: roomOf('stats', fileId), emails: roomOf('emails', fileId) };
        const file = { fileId, rooms, isRemoved: false };
        followed.push(file);
        return file;
      },
      leave: ({ fileId }: { fileId: string }) => left.push(fileId),
    } as unknown as Broadcaster,
    snapshots: { subscribed: () => snapshot().then(() => new JsonText('{}')) } as unknown as Snapshots,
    snapshotLimit: new TurnLimit(10_000),
    metrics: createMetrics(),
    maxSubscriptions: 10_000,
  };
  const socket = (caller: string) => {
    const rooms = new Set<string>();
    const sent: string[] = [];
    const subscriptions = new Subscriptions(
      {
        join: (room) => void rooms.add(room),
        leave: (room) => void rooms.delete(room),
        emit: (_, { fileId }) => sent.push(fileId),
        conn: { close: () => undefined },
      },
      { principal: UNAUTHENTICATED, caller },
      deps,
    );
    return { rooms, sent, subscriptions };
  };
  return { followed, left, socket };
}

/** How much longer a list gets in each turn of the event loop, until it is as long as it shall be. */
async function growth(list: readonly unknown[], length: number): Promise<number[]> {
  const turns: number[] = [];
  for (let before = 0; before < length; before = list.length) {
    await new Promise(setImmediate);
    turns.push(list.length - before);
  }
  return turns;
}

const subscribeToAll = (subscriptions: Subscriptions) =>
  Promise.all(FILES.map((fileId) => subscriptions.subscribe(fileId, ['stats', 'emails'], null)));

test('the subscriptions of sockets that end in one moment end in turns', async () => {
  const { left, socket } = stage();
  const sockets = [socket('jane'), socket('lee')];
  for (const { subscriptions } of sockets) await subscribeToAll(subscriptions);
  const ended = sockets.map(({ subscriptions }) => subscriptions.end());
  expect(sockets.map(({ subscriptions }) => subscriptions.areEnding)).toEqual([true, true]);
  await expect(sockets[0]?.subscriptions.subscribe('new', ['stats'], null)).rejects.toMatchObject({
    code: 'unavailable',
  });
  const turns = await growth(left, 2 * FILES.length);
  expect(Math.max(...turns)).toBeLessThanOrEqual(500);
  expect(turns.length).toBeGreaterThanOrEqual(4);
  await Promise.all(ended);
  expect(sockets.map(({ rooms }) => rooms.size)).toEqual([0, 0]);
});

test.each([
  ['a new one', false],
  ['one of a file that has not ended yet', true],
])('a subscription that is under way when they end is refused: %s', async (_, isAgain) => {
  let resume: () => void = () => undefined;
  let isSlow = false;
  const { socket } = stage({
    snapshot: () =>
      new Promise((resolve) => {
        if (isSlow) resume = resolve;
        else resolve();
      }),
  });
  const [others, { subscriptions, rooms }] = [socket('lee').subscriptions, socket('jane')];
  await subscribeToAll(others);
  if (isAgain) await subscriptions.subscribe('f', ['emails'], null);
  isSlow = true;
  const answer = subscriptions.subscribe('f', ['emails'], null);
  answer.catch(() => undefined);
  await new Promise(setImmediate);
  // The others end first: this one's subscriptions wait for their turn.
  const ended = [others.end(), subscriptions.end()];
  resume();
  await expect(answer).rejects.toMatchObject({ code: 'unavailable' });
  await expect(subscriptions.subscribe('f', ['emails'], null)).rejects.toMatchObject({ code: 'unavailable' });
  await Promise.all(ended);
  expect([rooms.size, subscriptions.has('f')]).toEqual([0, false]);
});

test('a socket is told nothing of its subscriptions once the connection is being closed', async () => {
  let isReadable = true;
  const { left, socket } = stage({ isReadable: async () => isReadable });
  const { sent, subscriptions } = socket('jane');
  await subscribeToAll(subscriptions);
  isReadable = false;
  const [ended, rechecked] = [subscriptions.end(), subscriptions.recheck()];
  await Promise.all([ended, rechecked]);
  expect([left.length, sent]).toEqual([FILES.length, []]);
});

test('the subscriptions of a token that expires end in turns, and a new token is answered after them', async () => {
  const { sent, subscriptions } = stage().socket('jane');
  await subscribeToAll(subscriptions);
  subscriptions.expired();
  expect(subscriptions.areEnding).toBe(true);
  let toldAtAnswer = 0;
  const refreshed = subscriptions.refresh('new').then(() => {
    toldAtAnswer = sent.length;
  });
  const turns = await growth(sent, FILES.length);
  expect(Math.max(...turns)).toBeLessThanOrEqual(500);
  await refreshed;
  expect(toldAtAnswer).toBe(FILES.length);
  expect(subscriptions.areEnding).toBe(false);
  await subscriptions.subscribe('f', ['stats'], null);
});

test('one caller may have half of the subscriptions that the others leave, over all its sockets', async () => {
  const { socket } = stage({ maxSubscriptions: 4 });
  const [one, other] = [socket('jane').subscriptions, socket('jane').subscriptions];
  const subscribe = (subscriptions: Subscriptions, fileId: string) =>
    subscriptions.subscribe(fileId, ['stats'], null);
  await subscribe(one, 'a');
  await subscribe(other, 'a');
  await expect(subscribe(other, 'b')).rejects.toMatchObject({ code: 'rate_limited' });
  // The same one again takes nothing more.
  await subscribe(other, 'a');
  await subscribe(socket('lee').subscriptions, 'a');
  await expect(subscribe(one, 'b')).rejects.toMatchObject({ code: 'rate_limited' });
  await one.unsubscribe('a');
  await other.end();
  await subscribe(one, 'b');
});

test('a file that is deleted after its feed is followed and before its rooms are joined is followed anew', async () => {
  let asked = 0;
  const { followed, socket } = stage({
    isReadable: async () => {
      // The second time it is followed, and nobody is in its rooms.
      const [file] = followed;
      if (++asked === 2 && file !== undefined) file.isRemoved = true;
      return true;
    },
  });
  const { rooms, subscriptions } = socket('jane');
  await subscriptions.subscribe('f', ['stats'], null);
  expect(followed.map(({ isRemoved }) => isRemoved)).toEqual([true, false]);
  expect([...rooms]).toEqual(['file_stats:f']);
  expect(subscriptions.has('f')).toBe(true);
});
