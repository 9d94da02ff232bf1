import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, test } from '@jest/globals';
import { describeBalancer, startBalancer } from '../deploy/balancer.js';
import { startTestGateway } from '../support/gateway.js';
import { holdOn } from '../support/process.js';
import { answerTo, exchange, H2C, nextAnswer, requestText, WEBSOCKET } from '../support/raw-http.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { connect } from '../support/socket.js';
import { JWT } from '../support/tokens.js';
import { retry } from '../support/wait.js';

const UPDATE = JSON.stringify({
  batchId: 'b',
  fileId: 'f',
  isComplete: true,
  totalEmails: 1,
  processedCount: 1,
  validatedEmails: [{ email: 'a@example.com', status: 'deliverable' }],
});
const HANDSHAKE = '/socket.io/?EIO=4&transport=';

/** An update and then a read on one connection, both with the wish to speak another protocol. */
async function writeAndRead(url: string, headers: readonly string[]) {
  const { answer, socket } = await exchange(
    url,
    requestText('POST', '/api/updates', { headers, body: UPDATE }),
  );
  expect([answer.status, answer.body]).toEqual([202, expect.stringContaining('"outcome"')]);
  socket.write(requestText('GET', '/api/files/f/emails', { headers }));
  const read = await nextAnswer(socket);
  expect([read.status, read.body]).toEqual([200, expect.stringContaining('a@example.com')]);
  return socket;
}

describe('a client that asks for a protocol that the gateway does not speak', () => {
  it.each([
    ['h2c', H2C],
    ['two protocols', ['Connection: upgrade', 'Upgrade: h2c, foo/2']],
    ['a WebSocket, with a body', WEBSOCKET],
  ])('is answered in HTTP/1.1, and its connection is kept: %s', async (_, headers) => {
    const { url } = await startTestGateway();
    const socket = await writeAndRead(url, headers);
    // Its body in pieces, and chunked.
    const [head = '', ...rest] = requestText('POST', '/api/updates', { headers, body: UPDATE }).split(
      '\r\n\r\n',
    );
    socket.write(`${head}\r\n\r\n`);
    await new Promise(setImmediate);
    socket.write(rest.join(''));
    expect((await nextAnswer(socket)).status).toBe(202);
    socket.write(
      requestText('POST', '/api/updates', { headers: [...headers, 'Transfer-Encoding: chunked'] }),
    );
    socket.write(`${UPDATE.length.toString(16)}\r\n${UPDATE}\r\n0\r\n\r\n`);
    expect((await nextAnswer(socket)).status).toBe(202);
  });

  it('is answered where there are no sockets', async () => {
    const { url } = await startTestGateway();
    const answer = async (path: string) => answerTo(url, requestText('GET', path, { headers: WEBSOCKET }));
    expect(await answer('/ws')).toMatchObject({ status: 404, body: expect.stringContaining('not_found') });
    expect((await answer('/livez')).status).toBe(200);
  });

  const speaksHttp2 =
    spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout?.includes('HTTP2') ?? false;
  if (!speaksHttp2) process.stderr.write('SKIPPED: curl --http2: there is no curl that speaks HTTP/2\n');
  (speaksHttp2 ? it : it.skip)('is curl --http2', async () => {
    const { url } = await startTestGateway();
    const child = spawn('curl', ['-sS', '--http2', '-m', '10', '-d', UPDATE, `${url}/api/updates`]);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(child, 'close');
    expect(text).toBe('{"outcome":"applied"}');
  });
});

describeBalancer('behind the load balancer, a client that asks for another protocol', () => {
  it('is answered in HTTP/1.1', async () => {
    const { url } = await startTestGateway();
    const balancer = await startBalancer([url, url]);
    await retry(async () => expect((await fetch(`${balancer}/livez`)).status).toBe(200));
    await writeAndRead(balancer, H2C);
    const socket = await connect(balancer);
    expect(socket.connected).toBe(true);
  });
});

/** The answer to a handshake on each transport. */
async function handshakes(url: string, { query = 'EIO=4', headers = [] as readonly string[] } = {}) {
  const path = `/socket.io/?${query === '' ? '' : `${query}&`}transport=`;
  return [
    await answerTo(url, requestText('GET', `${path}websocket`, { headers: [...WEBSOCKET, ...headers] })),
    await answerTo(url, requestText('GET', `${path}polling`, { headers })),
  ];
}

const refused = (status: number, code: string, words: RegExp) => ({
  status,
  body: expect.stringMatching(new RegExp(`${words.source}.*"code":"${code}"`)),
});

describe('a handshake that is refused says why, on both transports', () => {
  it.each(['EIO=3', '', 'EIO=5', 'EIO=4&EIO=3'])('the protocol of another Socket.IO: %s', async (query) => {
    const { url } = await startTestGateway();
    for (const answer of await handshakes(url, { query }))
      expect(answer).toMatchObject(refused(400, 'invalid_request', /Socket\.IO 3 and 4/));
  });

  it.each(['EIO=4&j=0', 'EIO=4&%6a='])('JSONP, by which any page could read: %s', async (query) => {
    const { url } = await startTestGateway();
    for (const answer of await handshakes(url, { query }))
      expect(answer).toMatchObject(refused(400, 'invalid_request', /JSONP/));
  });

  it('the origin of the page', async () => {
    const { url } = await startTestGateway();
    for (const answer of await handshakes(url, { headers: ['Origin: https://evil.example'] }))
      expect(answer).toMatchObject(refused(403, 'forbidden', /CORS_ORIGINS/));
  });

  it.each([
    [{ MAX_CONNECTIONS: '1' }, 503, 'unavailable', '10'],
    [{ MAX_CONNECTIONS_PER_ADDRESS: '1' }, 429, 'rate_limited', '10'],
    [{ MAX_HANDSHAKES_PER_SECOND: '1' }, 429, 'rate_limited', '1'],
  ])('a limit: %j', async (env, status, code, seconds) => {
    const { url } = await startTestGateway(env);
    await connect(url);
    const [name = ''] = Object.keys(env);
    for (const answer of await handshakes(url)) {
      expect(answer).toMatchObject(refused(status, code, new RegExp(`${name}: .*${seconds} s`)));
      expect(answer.head).toMatch(new RegExp(`^retry-after: ${seconds}\r?$`, 'im'));
    }
  });

  it('a gateway that is stopping', async () => {
    const gateway = await startTestGateway();
    // Keeps it from closing at once.
    const slow = await holdOn(
      gateway.url,
      requestText('POST', '/api/updates', { headers: ['Content-Length: 1000'] }),
    );
    // Answered after it: both connections are accepted in order.
    await fetch(`${gateway.url}/livez`);
    const closing = gateway.close();
    for (const answer of await handshakes(gateway.url))
      expect(answer).toMatchObject(refused(503, 'unavailable', /stopping/));
    slow.destroy();
    await closing;
  });

  it('what engine.io itself does not take', async () => {
    const { url } = await startTestGateway();
    const upgrade = (query: string, headers: readonly string[] = WEBSOCKET) =>
      answerTo(url, requestText('GET', `/socket.io/?EIO=4&${query}`, { headers }));
    expect(await upgrade('transport=websocket&sid=none')).toMatchObject({
      status: 400,
      body: 'Session ID unknown',
    });
    expect(await upgrade('transport=carrier-pigeon')).toMatchObject({
      status: 400,
      body: 'Transport unknown',
    });
    const other = WEBSOCKET.map((line) => line.replace('Version: 13', 'Version: 7'));
    expect(await upgrade('transport=websocket', other)).toMatchObject({
      status: 400,
      body: expect.stringMatching(/Sec-WebSocket-Version/),
    });
  });

  it('a token', async () => {
    const { url } = await startTestGateway(JWT);
    const words = /^44\{"message":"a token is needed","data":\{"code":"unauthorized"/;
    const socket = await RawWebSocket.open(url);
    socket.send('40');
    await socket.until(() => socket.texts.some((text) => words.test(text)));
    const opened = await answerTo(url, requestText('GET', `${HANDSHAKE}polling`));
    const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string };
    const path = `${HANDSHAKE}polling&sid=${sid}`;
    await answerTo(url, requestText('POST', path, { body: '40{"token":"wrong"}' }));
    const { body } = await answerTo(url, requestText('GET', path));
    expect(body).toMatch(/^44\{"message":"the token is not valid","data":\{"code":"unauthorized"/);
  });
});

test('a client that takes the gateway for a proxy is told that it is none', async () => {
  const { url } = await startTestGateway();
  const { status, head, body } = await answerTo(
    url,
    'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  );
  expect([status, JSON.parse(body)]).toEqual([405, expect.objectContaining({ code: 'method_not_allowed' })]);
  expect(head).toMatch(/^Content-Type: application\/problem\+json/im);
});

test('a connection that never says hello is closed in time, whatever its peer does', async () => {
  const { url } = await startTestGateway({ HANDSHAKE_TIMEOUT_MS: '300' });
  // It neither joins a namespace nor answers the close frame.
  const socket = await holdOn(url, requestText('GET', `${HANDSHAKE}websocket`, { headers: WEBSOCKET }));
  const opened = await answerTo(url, requestText('GET', `${HANDSHAKE}polling`));
  const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string };
  const joined = await connect(url);
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  const begun = performance.now();
  await once(socket, 'end');
  // ws itself waits for 30 s.
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(received).toContain('\x88\x13\x03\xf0handshake_timeout');
  await retry(async () => {
    const answer = await answerTo(url, requestText('POST', `${HANDSHAKE}polling&sid=${sid}`, { body: '40' }));
    expect(answer.body).toContain('Session ID unknown');
  });
  expect(joined.connected).toBe(true);
});
