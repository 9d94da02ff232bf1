import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { Revocations } from '../../src/auth/revocations.js';
import { roomOf } from '../../src/domain/events.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { ClusterSockets } from '../../src/realtime/cluster-sockets.js';
import { RoomWriter } from '../../src/realtime/room-writer.js';
import type { SocketServer } from '../../src/realtime/server-types.js';
import { UnreadAnswers } from '../../src/unread-answers.js';

const SOCKETS = 1_500;
const PER_TURN = 250;

/** A server with a room of many sockets, of which each notes what is done with it. */
function stage() {
  const done: string[] = [];
  const rooms = new Map<string, Set<string>>();
  const sockets = new Map<string, object>();
  const principal = { sub: 'jane', files: '*', scopes: new Set(), issuedAt: 1, expiresAt: null };
  for (let n = 0; n < SOCKETS; n++) {
    const id = `s${n}`;
    const subscriptions = {
      principal,
      areEnding: false,
      hasEnded: false,
      has: () => !done.includes(`dropped ${id}`),
      drop: async () => undefined,
      end: async () => {
        subscriptions.areEnding = true;
        subscriptions.hasEnded = true;
      },
      dependsOnOwner: () => true,
      recheck: async () => void done.push(`checked ${id}`),
    };
    sockets.set(id, {
      id,
      connected: true,
      data: { principal, subscriptions },
      rooms: new Set(),
      emit: (event: string) => done.push(`${event} ${id}`),
      leave: () => undefined,
      conn: { close: () => done.push(`closed ${id}`), write: () => done.push(`written ${id}`) },
    });
    for (const room of [roomOf('stats', 'f'), 'user:jane'])
      rooms.set(room, (rooms.get(room) ?? new Set()).add(id));
  }
  const namespace = Object.assign(new EventEmitter(), {
    adapter: Object.assign(new EventEmitter(), { rooms }),
    sockets,
  });
  const io = Object.assign(new EventEmitter(), { of: () => namespace }) as unknown as SocketServer;
  const options = { maxBufferedBytes: 2 ** 20, maxWaitingBytes: 2 ** 20, unread: new UnreadAnswers(2 ** 20) };
  const writer = new RoomWriter(io, options, createMetrics(), createLogger('silent'));
  return { done, io, sockets, writer };
}

/** How much is done in the busiest turn of the event loop, until all is done. */
async function busiestTurn(done: readonly string[]): Promise<number> {
  let most = 0;
  for (let before = 0; before < SOCKETS; before = done.length) {
    await new Promise(setImmediate);
    most = Math.max(most, done.length - before);
  }
  return most;
}

test('a large room is told of the deletion of its file in turns', async () => {
  const { done, writer } = stage();
  const told = writer.removed('f');
  expect(await busiestTurn(done)).toBeLessThanOrEqual(2 * PER_TURN);
  await told;
  expect(new Set(done)).toEqual(new Set(done.filter((what) => what.startsWith('file_deleted'))));
  expect(done).toHaveLength(SOCKETS);
});

test('a listener that has left meanwhile is not told', async () => {
  const { done, writer } = stage();
  const told = writer.removed('f');
  done.push(`dropped s${SOCKETS - 1}`);
  await told;
  expect(done).not.toContain(`file_deleted s${SOCKETS - 1}`);
  expect(done).toHaveLength(SOCKETS);
});

test('the access of a large room is checked in turns', async () => {
  const { done, writer } = stage();
  const checked = writer.recheckAccess('f');
  expect(await busiestTurn(done)).toBeLessThanOrEqual(2 * PER_TURN);
  await checked;
  expect(new Set(done).size).toBe(SOCKETS);
});

test('the sockets of a user who is revoked are closed in turns, and nothing is written to them from the first one on', async () => {
  const { done, io, writer } = stage();
  const store = { add: async () => undefined, since: async () => ({ revocations: [], mark: 0 }) };
  const revocations = new Revocations(store, { checkMs: 1_000, onProblem: () => undefined });
  const sessions = new ClusterSockets(io, revocations, false);
  expect(await sessions.revoke('jane')).toBe(SOCKETS);
  writer.send('stats', 'f', '{}');
  void writer.removed('f');
  expect(await busiestTurn(done)).toBeLessThanOrEqual(2 * PER_TURN);
  expect(new Set(done)).toEqual(new Set(done.filter((what) => what.startsWith('closed'))));
  expect(done).toHaveLength(SOCKETS);
});
