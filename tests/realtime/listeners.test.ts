import { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { createMetrics } from '../../src/metrics.js';
import { acceptListeners } from '../../src/realtime/listeners.js';
import type { ClientSocket, SocketServer } from '../../src/realtime/server-types.js';

type Deps = Parameters<typeof acceptListeners>[1];
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

type Receive = (this: ClientSocket, event: string, ...args: unknown[]) => void;

/**
 * A socket without a server, the answers to its events, how often what waits for it was looked at, and the ids of those that left.
 * `readable`: when it reads what was written before.
 */
function stage({ maxEventsPerSecond = 10, readable = Promise.resolve() } = {}) {
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
    waitUntilWritable: () => readable.then(() => true),
    answered: ({ id }: ClientSocket) => looks.push(id),
  };
  const options = { maxSubscriptions: 1, maxEventsPerSecond, addressOf: () => 'a' };
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
  const send = (event: string, request: unknown = { fileId: 'f1' }) =>
    receive.call(socket, event, request, (answer: unknown) => answers.push(answer));
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

test('requests that wait keep nothing of what came with them but what was read', async () => {
  let read = (): void => undefined;
  const readable = new Promise<void>((resolve) => {
    read = resolve;
  });
  const { answers, send } = stage({ maxEventsPerSecond: 50, readable });
  const sent = Array.from({ length: 20 }, (_, n) => {
    const request = { fileId: n === 0 ? '' : `f${n}`, more: Array.from({ length: 1_000 }, () => ({})) };
    send('unsubscribe', request);
    return new WeakRef(request);
  });
  // What a weak reference was made for lives until the turn is over.
  await setImmediate();
  collectGarbage();
  expect(sent.filter((request) => request.deref() !== undefined)).toEqual([]);
  expect(answers).toEqual([]);
  read();
  await setImmediate();
  expect(answers).toHaveLength(20);
  expect(answers.slice(0, 2)).toMatchObject([{ error: { code: 'invalid_request' } }, { ok: true }]);
});

test('tokens that wait for their turn are bounded', async () => {
  const { answers, send } = stage({ maxEventsPerSecond: 50, readable: new Promise(() => undefined) });
  for (let n = 0; n < 10; n++) send('refresh', { token: 't'.repeat(16_000) });
  expect(answers).toHaveLength(8);
  expect(answers[0]).toMatchObject({ error: { code: 'rate_limited', retryable: true } });
});
