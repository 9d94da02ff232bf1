import { describe, expect, it, test } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { answerTo, requestText, WEBSOCKET } from '../support/raw-http.js';
import { JWT } from '../support/tokens.js';
import { addresses, entry } from '../support/updates.js';

const EVIL = 'evil.example:3000';
const AS_A_PAGE = ['Origin: http://evil.example:3000', 'Sec-Fetch-Site: same-origin'];
const HANDSHAKE = '/socket.io/?EIO=4&transport=';

/** Everything that a gateway answers to. */
const DOORS: readonly (readonly [string, string, string, readonly string[]])[] = [
  ['results', 'GET', '/api/files/f1/emails', []],
  ['an export', 'GET', '/api/files/f1/export', []],
  ['a deletion', 'DELETE', '/api/files/f1', []],
  ['a preflight', 'OPTIONS', '/api/files/f1', ['Access-Control-Request-Method: DELETE']],
  ['the description', 'GET', '/api/openapi.json', []],
  ['the page', 'GET', '/', []],
  ['the SDK', 'GET', '/client/index.js', []],
  ["Socket.IO's own client", 'GET', '/socket.io/socket.io.js', []],
  ['health', 'GET', '/livez', []],
  ['readiness', 'GET', '/readyz', []],
  ['metrics', 'GET', '/metrics', []],
  ['nothing', 'GET', '/nothing', []],
  ['polling', 'GET', `${HANDSHAKE}polling`, []],
  ['an upgrade', 'GET', `${HANDSHAKE}websocket`, WEBSOCKET],
];

async function withResults() {
  const gateway = await startTestGateway();
  const results = addresses(2).map((email) => entry(email));
  await new Producer(gateway.url).update(message('b1', results, { isComplete: true, fileId: 'f1' }));
  return gateway;
}

describe('a web page that gives the gateway a name of its own (DNS rebinding)', () => {
  it('gets nothing at any door', async () => {
    const { url } = await withResults();
    for (const [name, method, path, headers] of DOORS) {
      const hosts = [
        requestText(method, path, { host: EVIL, headers: [...AS_A_PAGE, ...headers] }),
        requestText(method, path, { headers: [`Host: ${EVIL}`, ...headers] }),
        requestText(method, `http://${EVIL}${path}`, { headers }),
      ];
      for (const [i, text] of hosts.entries()) {
        const { status, head, body } = await answerTo(url, text);
        expect([name, i, status]).toEqual([name, i, 403]);
        expect(head).toMatch(/content-type: application\/problem\+json/i);
        expect(JSON.parse(body)).toMatchObject({
          code: 'forbidden',
          detail: expect.stringContaining('ALLOWED_HOSTS'),
        });
      }
    }
    const kept = await answerTo(url, requestText('GET', '/api/files/f1/stats'));
    expect(kept.status).toBe(200);
  });

  it('cannot go on with a polling session that it knows', async () => {
    const { url } = await startTestGateway();
    const opened = await answerTo(url, requestText('GET', `${HANDSHAKE}polling`));
    const { sid } = JSON.parse(opened.body.slice(1)) as { sid: string };
    const path = `${HANDSHAKE}polling&sid=${sid}`;
    const refused = await answerTo(url, requestText('POST', path, { host: EVIL, body: '40' }));
    expect(refused.status).toBe(403);
    const other = await answerTo(url, requestText('GET', path, { host: EVIL }));
    expect(other.status).toBe(403);
    expect((await answerTo(url, requestText('POST', path, { body: '40' }))).status).toBe(200);
  });
});

test('each door has an answer under the names of the gateway', async () => {
  const { url } = await startTestGateway({ ALLOWED_HOSTS: 'verigate.example' });
  for (const [name, method, path, headers] of DOORS) {
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000', 'verigate.example']) {
      const { status } = await answerTo(url, requestText(method, path, { host, headers }));
      expect([name, host, status]).not.toEqual([name, host, 403]);
      expect(status).toBeGreaterThan(0);
    }
  }
});

test('with tokens the name does not matter: a page of another origin has none', async () => {
  const { url } = await startTestGateway(JWT);
  expect((await answerTo(url, requestText('GET', '/api/files', { host: EVIL }))).status).toBe(401);
  expect((await answerTo(url, requestText('GET', '/livez', { host: EVIL }))).status).toBe(200);
});

test('a write that a page of another origin causes is refused without an Origin too', async () => {
  const { url } = await withResults();
  const write = (...headers: string[]) => answerTo(url, requestText('DELETE', '/api/files/f1', { headers }));
  for (const site of ['cross-site', 'same-site']) {
    expect((await write(`Sec-Fetch-Site: ${site}`)).status).toBe(403);
    const socket = requestText('GET', `${HANDSHAKE}websocket`, {
      headers: [...WEBSOCKET, `Sec-Fetch-Site: ${site}`],
    });
    expect((await answerTo(url, socket)).status).toBe(403);
  }
  expect((await write('Sec-Fetch-Site: none')).status).toBe(204);
});

declare const window: object;

describeInBrowser('a browser that was given the name of another site for this machine', (open) => {
  it('gets neither page nor data, and opens no socket', async () => {
    const { url } = await withResults();
    const { port } = new URL(url);
    // The browser runs with `--host-resolver-rules`, as if the name server of the site had changed its answer.
    const { page } = await open(`http://rebound.test:${port}/`);
    expect(await page.textContent('body')).toContain('"code":"forbidden"');
    const outcome = await page.evaluate(async () => {
      const read = await fetch('/api/files/f1/emails');
      const written = await fetch('/api/files/f1', { method: 'DELETE' });
      const socket = await new Promise<string>((resolve) => {
        const WebSocketOf = (window as { WebSocket: typeof WebSocket }).WebSocket;
        const { host } = (window as { location: { host: string } }).location;
        const opened = new WebSocketOf(`ws://${host}/socket.io/?EIO=4&transport=websocket`);
        opened.onopen = () => resolve('open');
        opened.onerror = () => resolve('refused');
      });
      return [read.status, written.status, socket];
    });
    expect(outcome).toEqual([403, 403, 'refused']);
    const { page: own } = await open(url);
    expect(await own.evaluate(async () => (await fetch('/api/files/f1/emails')).status)).toBe(200);
  });
});
