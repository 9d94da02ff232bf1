import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { Revocations } from '../../src/auth/revocations.js';
import { ClusterSockets } from '../../src/realtime/cluster-sockets.js';
import type { SocketServer } from '../../src/realtime/server-types.js';

/** A socket that is connected, as far as sessions look at it. */
function socketOf(issuedAt: number) {
  const rooms = new Set<string>();
  const principal = { sub: 'jane', files: '*', scopes: new Set(), issuedAt, expiresAt: null };
  const socket = {
    rooms,
    isClosed: false,
    join: (room: string) => void rooms.add(room),
    leave: (room: string) => void rooms.delete(room),
    data: { principal, subscriptions: { principal, end: () => undefined } },
    conn: {
      close() {
        socket.isClosed = true;
      },
    },
  };
  return socket;
}

test('a message of another gateway revokes nothing in the far future, and nothing that is not asked', () => {
  const none = { adapter: { rooms: new Map() }, sockets: new Map() };
  const server = Object.assign(new EventEmitter(), { of: () => none });
  const store = { add: async () => undefined, since: async () => ({ revocations: [], mark: 0 }) };
  const revocations = new Revocations(store, { checkMs: 1_000, onProblem: () => undefined });
  new ClusterSockets(server as unknown as SocketServer, revocations, true);
  const isRevoked = () => revocations.isRevoked(socketOf(Date.now()).data.principal as never);
  for (const at of [Date.now() + 3_600_000, Number.MAX_SAFE_INTEGER, Number.NaN, '1e99'])
    server.emit('revoked', { sub: 'jane', at }, () => undefined);
  server.emit('revoked', { sub: 'jane', at: Date.now() + 1_000 });
  expect(isRevoked()).toBe(false);
  server.emit('revoked', { sub: 'jane', at: Date.now() + 1_000 }, () => undefined);
  expect(isRevoked()).toBe(true);
});

test.each([
  ['closed', 5, true],
  ['left open with a newer token', 15, false],
])(
  'a socket whose user was revoked between its handshake and its connection is %s',
  (_, issuedAt, isClosed) => {
    const server = new EventEmitter();
    const store = { add: async () => undefined, since: async () => ({ revocations: [], mark: 0 }) };
    const revocations = new Revocations(store, { checkMs: 1_000, onProblem: () => undefined });
    new ClusterSockets(server as unknown as SocketServer, revocations, false);
    revocations.learn({ sub: 'jane', at: 10 });
    const socket = socketOf(issuedAt);
    server.emit('connection', socket);
    expect([socket.isClosed, socket.rooms.has('user:jane')]).toEqual([isClosed, !isClosed]);
  },
);
