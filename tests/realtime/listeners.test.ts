import { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.js';
import { acceptListeners } from '../../src/realtime/listeners.js';
import type { ClientSocket, SocketServer } from '../../src/realtime/server-types.js';

type Deps = Parameters<typeof acceptListeners>[1];
type Receive = (this: ClientSocket, event: string, ...args: unknown[]) => void;

/** A socket without a server, the answers to its events, how often what waits for it was looked at, and the ids of those that left. */
function stage() {
  const looks: string[] = [];
  let connected: (socket: ClientSocket) => void = () => undefined;
  let receive: Receive = () => undefined;
  const io = {
    use: () => undefined,
    on: (_event: string, listener: typeof connected) => {
      connected = listener;
    },
  } as unknown as SocketServer;
  const backpressure = {
    mayWrite: () => true,
    waitUntilWritable: async () => true,
    answered: ({ id }: ClientSocket) => looks.push(id),
  };
  const options = { maxSubscriptions: 1, maxEventsPerSecond: 10, addressOf: () => 'a' };
  acceptListeners(io, { backpressure, options, metrics: createMetrics() } as unknown as Deps);
  const left: string[] = [];
  const socket = {
    id: 's',
    connected: true,
    nsp: { adapter: { delAll: (id: string) => left.push(id) } },
    conn: new EventEmitter(),
    data: { principal: { sub: null, expiresAt: null } },
    leave: () => undefined,
    onAny: (listener: Receive) => {
      receive = listener;
    },
    on: () => undefined,
  } as unknown as ClientSocket;
  connected(socket);
  const answers: unknown[] = [];
  const send = (event: string) =>
    receive.call(socket, event, { fileId: 'f1' }, (answer: unknown) => answers.push(answer));
  return { socket, answers, looks, left, send };
}

test('what waits for a socket is looked at after its answers, and not after its refusals', async () => {
  const { socket, answers, looks, left, send } = stage();
  send('unsubscribe');
  await setImmediate();
  expect([answers.length, looks.length]).toEqual([1, 1]);
  for (let n = 0; n < 1_000; n++) send('unknown');
  expect([answers.length, looks.length]).toEqual([1_001, 1]);
  // As Socket.IO does when the connection has closed.
  (socket as unknown as { leaveAll(): void }).leaveAll();
  expect(left).toEqual([]);
  await setImmediate();
  expect(left).toEqual(['s']);
  expect(socket.data.subscriptions.areEnding).toBe(true);
});

test('a socket whose subscriptions end gets no answer, neither to the request under way nor to a later one', async () => {
  const { socket, answers, looks, send } = stage();
  send('unsubscribe');
  void socket.data.subscriptions.end();
  for (const event of ['unsubscribe', 'unknown']) send(event);
  await setImmediate();
  expect([answers, looks]).toEqual([[], []]);
});
