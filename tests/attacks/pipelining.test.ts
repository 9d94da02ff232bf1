import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { oneAtATime } from '../../src/gateway/one-at-a-time.js';
import { listen } from '../http/harness.js';
import { startTestGateway } from '../support/gateway.js';
import { holdOn } from '../support/process.js';
import { requestText, WEBSOCKET } from '../support/raw-http.js';
import { retry } from '../support/wait.js';

const asked = (count: number) =>
  Array.from({ length: count }, (_, number) => requestText('GET', `/${number}`)).join('');

/** Fulfilled once the peer, or the test, has closed the connection. */
const closed = (socket: Socket) => Promise.race([once(socket, 'end'), once(socket, 'close')]);

/** A server that leaves its answers to the test. */
async function startServer() {
  const begun: string[] = [];
  const open = new Set<ServerResponse>();
  const handle = oneAtATime((request, response) => {
    begun.push(request.url ?? '');
    open.add(response);
    response.once('close', () => open.delete(response));
  }, 100);
  const { url } = await listen(createServer(handle));
  return { url, begun, open };
}

test('requests of one connection are begun one after the other, and answered in order', async () => {
  const { url, begun, open } = await startServer();
  const socket = await holdOn(url, asked(101));
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  for (let number = 0; number < 101; number++) {
    await retry(async () => expect(begun).toHaveLength(number + 1));
    expect(open.size).toBe(1);
    for (const response of open) response.end(`<${begun.at(-1)}>`);
  }
  await retry(async () => expect(received.match(/<\/\d+>/g)).toEqual(begun.map((path) => `<${path}>`)));
  socket.destroy();
});

test('what waits on a connection that closes is never begun, and nothing stays open', async () => {
  const { url, begun, open } = await startServer();
  const socket = await holdOn(url, asked(50));
  await retry(async () => expect(begun).toEqual(['/0']));
  socket.destroy();
  await retry(async () => expect(open.size).toBe(0));
  expect(begun).toEqual(['/0']);
});

test('a connection on which too many wait is closed', async () => {
  const { url, begun, open } = await startServer();
  const socket = await holdOn(url, asked(102));
  await closed(socket.resume());
  await retry(async () => expect(open.size).toBe(0));
  expect(begun).toEqual(['/0']);
});

test('a gateway reads no further on a connection where too many wait', async () => {
  const { url } = await startTestGateway({ MAX_PIPELINED_REQUESTS: '2' });
  const answersTo = async (count: number) => {
    const socket = await holdOn(url, requestText('GET', '/livez').repeat(count));
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
      if (received.split('HTTP/1.1 200').length - 1 === count) socket.destroy();
    });
    await closed(socket);
    return received.split('HTTP/1.1 200').length - 1;
  };
  expect(await answersTo(3)).toBe(3);
  expect(await answersTo(300)).toBeLessThan(4);
});

test('a WebSocket is not opened on a connection that has a request to be answered', async () => {
  const { url } = await startTestGateway();
  const upgrade = requestText('GET', '/socket.io/?EIO=4&transport=websocket', { headers: WEBSOCKET });
  const alone = await holdOn(url, upgrade);
  expect(String((await once(alone, 'data'))[0])).toMatch(/^HTTP\/1.1 101 /);
  const socket = await holdOn(url, requestText('GET', '/readyz') + upgrade);
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes;
  });
  await closed(socket);
  expect(received).not.toContain(' 101 ');
});
