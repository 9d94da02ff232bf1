import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { startTestGateway } from '../support/gateway.js';
import { onTeardown } from '../support/teardown.js';

const LIMIT = 30;

async function openSocket(): Promise<WebSocket> {
  const { url } = await startTestGateway({ MAX_FRAMES_PER_SECOND: String(LIMIT) });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  onTeardown(() => socket.terminate());
  await once(socket, 'message');
  return socket;
}

test('pings are answered', async () => {
  const socket = await openSocket();
  socket.ping('hello');
  const [data] = await once(socket, 'pong');
  expect(String(data)).toBe('hello');
});

test.each([
  ['pings', (socket: WebSocket) => socket.ping()],
  ['pongs', (socket: WebSocket) => socket.pong()],
  ["pongs of engine.io's own", (socket: WebSocket) => socket.send('3')],
])('a connection that sends too many %s ends, before it has joined anything', async (_, send) => {
  const socket = await openSocket();
  const closed = once(socket, 'close');
  // Several seconds' worth, in one write: they may come at the turn of a second.
  for (let n = 0; n < 3 * LIMIT; n++) send(socket);
  const [code] = await closed;
  expect(code).toBe(1006);
});

test('a message in very many pieces ends its connection, however small they are', async () => {
  const socket = await openSocket();
  const closed = once(socket, 'close');
  for (let n = 0; n < 100; n++) socket.send('', { fin: false });
  const [code] = await closed;
  expect(code).toBe(1008);
});

/** What a client sends in one request that polls. */
async function poll(url: string, packets: readonly string[]): Promise<{ isOpen: boolean }> {
  const path = `${url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(path)).text()).slice(1)) as { sid: string };
  const body = packets.join('\x1e');
  expect((await fetch(`${path}&sid=${sid}`, { method: 'POST', body })).status).toBe(200);
  // Something to answer, if it is open.
  const { status } = await fetch(`${path}&sid=${sid}`, { method: 'POST', body: '3' });
  return { isOpen: status === 200 };
}

test.each([
  ['packets', '3', LIMIT],
  ['wishes to connect', '40', 10],
])('a connection that sends too many %s in one request ends', async (_, packet, limit) => {
  const { url } = await startTestGateway({ MAX_FRAMES_PER_SECOND: String(LIMIT) });
  const send = (count: number) =>
    poll(
      url,
      Array.from({ length: count }, () => packet),
    );
  expect(await send(limit - 1)).toEqual({ isOpen: true });
  expect(await send(3 * limit)).toEqual({ isOpen: false });
});

test('answers to pings do not pile up for a client that does not read', async () => {
  const { limitedWebSockets } = await import('../../src/realtime/frame-limit.js');
  const server = new (limitedWebSockets(1_000_000))({ port: 0, host: '127.0.0.1' });
  onTeardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  onTeardown(() => client.terminate());
  const [peer] = (await once(server, 'connection')) as [WebSocket];
  await once(client, 'open');
  client.pause();
  // More than the system's own buffers hold.
  while (peer.bufferedAmount === 0) {
    peer.send('x'.repeat(65_536));
    await new Promise(setImmediate);
  }
  const waiting = peer.bufferedAmount;
  let pings = 0;
  peer.on('ping', () => pings++);
  for (let n = 0; n < 2_000; n++) client.ping('x'.repeat(100));
  while (pings < 2_000) await new Promise(setImmediate);
  expect(peer.bufferedAmount - waiting).toBeLessThan(66_000);
});
