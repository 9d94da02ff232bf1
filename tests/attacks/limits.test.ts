import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { holdOn } from '../support/process.js';
import { connect, open } from '../support/socket.js';
import { JWT, tokenOf } from '../support/tokens.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function send(url: string, method: string, headers: Record<string, string> = {}): Promise<Answer> {
  const asked = request(url, { method, headers });
  asked.end();
  const [answer] = await once(asked, 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return { status: answer.statusCode, headers: answer.headers, text };
}

/** What a peer is answered on a bare connection, until that is closed. */
async function last(url: string, text: string): Promise<string> {
  const socket = await holdOn(url, text);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  return answer;
}

describe('costly requests', () => {
  const COSTLY = [
    ['GET', '/api/files/f/export'],
    ['GET', '/api/files/f/export/'],
    ['GET', '/api/files/f/emails?email=a'],
    ['GET', '/api/files/f/emails?limit=5&%65mail=a'],
    ['POST', '/api/files/f/validations'],
  ] as const;

  it('are counted for each caller, and the answer says how many are left and when to retry', async () => {
    const { url } = await startTestGateway({ ...JWT, MAX_COSTLY_REQUESTS_PER_MINUTE: '5' });
    const tokens = await Promise.all(
      ['jane', 'joe'].map((sub) => tokenOf({ sub, scope: 'read ingest', files: ['f'] })),
    );
    for (const token of tokens) {
      const as = { authorization: `Bearer ${token}` };
      for (const [index, [method, path]] of COSTLY.entries()) {
        const { status, headers } = await send(`${url}${path}`, method, as);
        expect(status).not.toBe(429);
        expect(headers['ratelimit-policy']).toBe('"costly";q=5;w=60');
        expect(headers.ratelimit).toMatch(new RegExp(`^"costly";r=${4 - index};t=(60|5\\d)$`));
      }
      for (const [method, path] of COSTLY) {
        const { status, headers, text } = await send(`${url}${path}`, method, as);
        expect(status).toBe(429);
        expect(JSON.parse(text)).toMatchObject({
          code: 'rate_limited',
          detail: expect.stringMatching(/MAX_COSTLY/),
        });
        expect(Number(headers['retry-after'])).toBeGreaterThan(30);
      }
      const { status, headers } = await send(`${url}/api/files/f/emails?page=2`, 'GET', as);
      expect([status, headers.ratelimit]).toEqual([404, undefined]);
    }
  });

  it('are counted by address without tokens, and only a proxy of ours says of whom they are', async () => {
    const over = async (url: string, forwarded: string) =>
      (await send(`${url}/api/files/f/export`, 'GET', { 'x-forwarded-for': forwarded })).status === 429;
    const alone = await startTestGateway({ MAX_COSTLY_REQUESTS_PER_MINUTE: '2' });
    expect(await over(alone.url, '198.51.100.1')).toBe(false);
    expect(await over(alone.url, '198.51.100.2')).toBe(false);
    expect(await over(alone.url, '198.51.100.3')).toBe(true);
    const behind = await startTestGateway({
      MAX_COSTLY_REQUESTS_PER_MINUTE: '1',
      TRUSTED_PROXIES: '127.0.0.0/8',
    });
    expect(await over(behind.url, '198.51.100.1')).toBe(false);
    expect(await over(behind.url, '198.51.100.2')).toBe(false);
    expect(await over(behind.url, '203.0.113.1, 198.51.100.2')).toBe(true);
  });
});

describe('connections', () => {
  it('are limited for each address', async () => {
    const { url } = await startTestGateway({
      MAX_CONNECTIONS_PER_ADDRESS: '2',
      TRUSTED_PROXIES: '127.0.0.1',
    });
    const from = (address: string) => connect(url, { extraHeaders: { 'x-forwarded-for': address } });
    const first = await from('198.51.100.1');
    await from('198.51.100.1');
    await expect(from('198.51.100.1')).rejects.toThrow();
    await from('198.51.100.2');
    const polling = await send(`${url}/socket.io/?EIO=4&transport=polling`, 'GET', {
      'x-forwarded-for': '198.51.100.1',
    });
    expect([polling.status, polling.text]).toEqual([
      429,
      expect.stringMatching(/MAX_CONNECTIONS_PER_ADDRESS.*10 s/),
    ]);
    first.disconnect();
    const again = open(url, {
      extraHeaders: { 'x-forwarded-for': '198.51.100.1' },
      reconnection: true,
      reconnectionDelay: 20,
    });
    await new Promise<void>((resolve) => again.once('connect', resolve));
  });

  it('are limited for each second', async () => {
    const { url } = await startTestGateway({ MAX_HANDSHAKES_PER_SECOND: '1' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => send(`${url}/socket.io/?EIO=4&transport=polling`, 'GET')),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(8);
    expect(refused[0]?.text).toMatch(/MAX_HANDSHAKES_PER_SECOND.*1 s/);
  });

  it('that ask for nothing are closed', async () => {
    const { url } = await startTestGateway({ HANDSHAKE_TIMEOUT_MS: '200' });
    const upgrade =
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const socket = await holdOn(url, upgrade + key);
    // A close frame of WebSockets.
    for (let heard = ''; !heard.includes('\x88'); )
      heard += ((await once(socket, 'data')) as [Buffer])[0].toString('latin1');
  });
});

describe('requests that never end', () => {
  it.each([
    ['nothing at all', ''],
    ['a head byte by byte', 'GET /api/files HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
    [
      'half an upgrade',
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n',
    ],
    [
      'a body that does not come',
      'POST /api/updates HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{',
    ],
    [
      'a chunked body without an end',
      'POST /api/updates HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
    ],
  ])('are cut off: %s', async (_, text) => {
    const { url } = await startTestGateway({ HEADERS_TIMEOUT_MS: '200', REQUEST_TIMEOUT_MS: '400' });
    expect(await last(url, text)).toMatch(/^(HTTP\/1.1 408 .*"code":"request_timeout"|$)/s);
  });

  it('have no room for a head without an end', async () => {
    const { url } = await startTestGateway({ MAX_HEADER_BYTES: '2048' });
    // More than fits into the buffers between: a connection that is reset would lose the answer.
    const head = `GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(1_000_000)}\r\n\r\n`;
    expect(await last(url, head)).toMatch(
      /^HTTP\/1.1 431 .*application\/problem\+json.*MAX_HEADER_BYTES.*"code":"headers_too_large"/s,
    );
  });

  it.each([
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['no HTTP', 'EHLO localhost\r\n'],
  ])('are told so where they are not HTTP: %s', async (_, text) => {
    const { url } = await startTestGateway();
    expect(await last(url, text)).toMatch(
      /^HTTP\/1.1 400 .*application\/problem\+json.*"code":"invalid_request"/s,
    );
  });

  it('are refused at once where they say how large they are', async () => {
    const { url } = await startTestGateway();
    const answer = await send(`${url}/api/updates`, 'POST', {
      'content-length': String(100 * 2 ** 20),
      connection: 'close',
    }).catch(() => null);
    expect(answer?.status ?? 413).toBe(413);
  });
});
