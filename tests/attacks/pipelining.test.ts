import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { oneAtATime } from '../../src/gateway/one-at-a-time.js';
import { checkRequests, GatewayRequest } from '../../src/gateway/request-checks.js';
import { listen } from '../http/harness.js';
import { startTestGateway } from '../support/gateway.js';
import { holdOn } from '../support/process.js';
import { answerTo, requestText, WEBSOCKET } from '../support/raw-http.js';
import { retry } from '../support/wait.js';

const asked = (count: number) =>
  Array.from({ length: count }, (_, number) => requestText('GET', `/${number}`)).join('');

/** Fulfilled once the peer, or the test, has closed the connection. */
const closed = (socket: Socket) => Promise.race([once(socket, 'end'), once(socket, 'close')]);

/** A server that leaves its answers to the test. */
async function startServer(ofAll = 1_000) {
  const begun: string[] = [];
  const open = new Set<ServerResponse>();
  const handle = oneAtATime(
    (request, response) => {
      begun.push(request.url ?? '');
      open.add(response);
      response.once('close', () => open.delete(response));
    },
    { ofConnection: 100, ofAll },
  );
  const { url } = await listen(createServer(handle));
  return { url, begun, open };
}

/** A gateway's checks before a listener that never answers, and how many requests Node.js has made. */
async function startCounting() {
  let made = 0;
  class Counted extends GatewayRequest {
    constructor(socket: Socket) {
      super(socket);
      made++;
    }
  }
  let open = 0;
  const http = createServer({ IncomingMessage: Counted }, (_request, response) => {
    open++;
    response.once('close', () => open--);
  });
  checkRequests(http, { check: () => null, refused: () => undefined, maxPipelined: 100 });
  const { url } = await listen(http);
  return { url, count: () => made, open: () => open };
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

test('what many connections have waiting is bounded together, and is given back when they close', async () => {
  const { url, begun } = await startServer(60);
  const first = await holdOn(url, asked(51));
  await retry(async () => expect(begun).toHaveLength(1));
  const second = await holdOn(url, asked(51));
  await closed(second.resume());
  const alone = await holdOn(url, asked(1));
  await retry(async () => expect(begun).toHaveLength(3));
  first.destroy();
  alone.destroy();
  const third = await holdOn(url, asked(51));
  await retry(async () => expect(begun).toHaveLength(4));
  expect(third.destroyed).toBe(false);
  third.destroy();
});

test('of thousands of requests that come in one piece no more are made than may wait', async () => {
  const { url, count, open } = await startCounting();
  const socket = await holdOn(url, asked(2_000));
  socket.on('error', () => undefined).resume();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(count()).toBeLessThan(110);
  // What counts the open ones is told that the first is over.
  await retry(async () => expect(open()).toBe(0));
});

test('a request of more than 100 headers is refused, and nothing behind it is read', async () => {
  const { url } = await startTestGateway();
  const headers = (count: number) => Array.from({ length: count }, (_, n) => `a${n}: b`);
  // With `Host`.
  const most = await answerTo(url, requestText('GET', '/livez', { headers: headers(99) }));
  expect(most.status).toBe(200);
  const more = await answerTo(url, requestText('GET', '/livez', { headers: headers(100) }).repeat(3));
  expect(more).toMatchObject({ status: 431 });
  expect(JSON.parse(more.body)).toMatchObject({ code: 'headers_too_large' });
  const posted = await answerTo(
    url,
    requestText('POST', '/api/updates', { headers: headers(200), body: '{}' }),
  );
  expect(posted).toMatchObject({ status: 431 });
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
