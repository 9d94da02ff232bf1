/** Compression of answers: of what, how, and that a stream stays one. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import type { PlacedResult } from '../../src/domain/result.js';
import { compress } from '../../src/http/compress.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';
import { call, result, seed, startApp, type TestApp } from './harness.js';

/** As it comes over the wire: `fetch` would decompress it. */
async function ask(
  app: TestApp,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<IncomingMessage> {
  const asked = request(`${app.url}${path}`, { headers, method }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return answer;
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const GZIP = { 'accept-encoding': 'gzip' };

const placed = (email: string): PlacedResult => ({
  batchId: 'b',
  position: 0,
  json: JSON.stringify(result(email)),
});

function scanning(app: TestApp, slices: () => AsyncGenerator<readonly PlacedResult[]>): void {
  Object.assign(app.deps.store.results, { scan: slices });
}

test('the page, JSON and exports are compressed for clients that accept it, and are the same then', async () => {
  const app = await startApp();
  await seed(
    app,
    'f',
    Array.from({ length: 40 }, (_, n) => result(`a${n}@x.example`)),
  );
  for (const path of [
    '/',
    '/client/index.js',
    '/api/files/f/emails',
    '/api/files/f/export',
    '/api/files/f/export?format=ndjson',
    '/api/openapi.json',
  ]) {
    const plain = await ask(app, path);
    const body = await bodyOf(plain);
    expect([path, plain.headers['content-encoding']]).toEqual([path, undefined]);
    const packed = await ask(app, path, GZIP);
    const isLarge = body.length >= 1024 || packed.headers['content-length'] === undefined;
    expect([path, packed.headers['content-encoding'], packed.headers.vary]).toEqual([
      path,
      isLarge ? 'gzip' : undefined,
      expect.stringContaining('Accept-Encoding'),
    ]);
    const received = await bodyOf(packed);
    expect([path, (isLarge ? gunzipSync(received) : received).equals(body)]).toEqual([path, true]);
  }
  const best = await ask(app, '/', { 'accept-encoding': 'gzip, br' });
  expect(best.headers['content-encoding']).toBe('br');
  const page = brotliDecompressSync(await bodyOf(best)).toString();
  expect(page).toMatch(/^<!doctype html>/);
  // Compressed by the build; a cache may not give it to a client that cannot read it.
  const script = `/${/assets\/main-\w+\.js/.exec(page)?.[0]}`;
  for (const method of ['GET', 'HEAD']) {
    const { headers } = (await ask(app, script, { 'accept-encoding': 'br' }, method)).resume();
    expect([headers['content-encoding'], headers.vary]).toEqual([
      'br',
      expect.stringContaining('Accept-Encoding'),
    ]);
  }
  // A part of a compressed file would be of no use.
  const part = await ask(app, '/', { ...GZIP, range: 'bytes=0-9' });
  expect([part.statusCode, part.headers['content-range']]).toEqual([200, undefined]);
  const again = await ask(app, '/', { ...GZIP, 'if-none-match': String(part.headers.etag) });
  expect([again.statusCode, String(part.headers.etag).startsWith('W/')]).toEqual([304, true]);
  part.resume();
  again.resume();
});

test('where a proxy compresses, the gateway does not', async () => {
  const app = await startApp({ config: { COMPRESSION: false } });
  const answer = await ask(app, '/', GZIP);
  expect(answer.headers).not.toHaveProperty('content-encoding');
  answer.resume();
});

test('an answer with a secret is not compressed', async () => {
  const app = await startApp({ config: { WEBHOOKS_ALLOW_PRIVATE: true } });
  const { status, headers, json } = await call(app, 'POST', '/api/webhooks', {
    url: `http://127.0.0.1:9/${'x'.repeat(1500)}`,
  });
  expect([status, headers.get('content-encoding')]).toEqual([201, null]);
  expect(json.secret).toMatch(/^whsec_/);
});

test('so many answers are compressed at once; the others are sent as they are', async () => {
  const app = await startApp({
    config: { MAX_EXPORTS: 200, MAX_EXPORTS_PER_CALLER: 100 },
  });
  await seed(app, 'f', [result('a@x')]);
  let goOn: () => void = () => {};
  const more = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  scanning(app, async function* () {
    yield [placed(`${'a'.repeat(70_000)}@x`)];
    await more;
  });
  const open = () => ask(app, '/api/files/f/export?format=ndjson', GZIP);
  const encodings = (answers: IncomingMessage[]) => answers.map(({ headers }) => headers['content-encoding']);
  const answers = await Promise.all(Array.from({ length: 40 }, open));
  const compressed = answers.filter(({ headers }) => headers['content-encoding'] === 'gzip');
  // Half of all that there are: the rest is for other addresses.
  expect(compressed.length).toBe(32);
  // One that has ended, and one whose client has gone away, leave their places to others.
  goOn();
  const bodies = await Promise.all(answers.slice(1).map(bodyOf));
  answers[0]?.destroy();
  expect(bodies.every(({ length }) => length > 0)).toBe(true);
  await retry(async () => {
    const again = await Promise.all(Array.from({ length: 20 }, open));
    expect(encodings(again)).toEqual(Array(20).fill('gzip'));
    await Promise.all(again.map(bodyOf));
  });
});

test('a compressed export comes while it is made, and is held up by a client that does not read', async () => {
  const app = await startApp();
  await seed(app, 'f', [result('a@x')]);
  let made = 0;
  let goOn: () => void = () => {};
  const more = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  scanning(app, async function* () {
    // Random, or all of it would fit into the compressor.
    for (; made < 2000; made++) {
      if (made === 100) await more;
      yield [placed(`${randomBytes(6000).toString('hex')}@x`)];
    }
  });
  const answer = await ask(app, '/api/files/f/export?format=ndjson', GZIP);
  const text = answer.pipe(createGunzip());
  const first = (await once(text, 'data'))[0] as Buffer;
  expect(first.toString()).toMatch(/^\{/);
  text.pause();
  expect(made).toBeLessThanOrEqual(100);
  goOn();
  // Until the buffers are full; then no more is made.
  for (let before = -1; before !== made; ) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  expect(made).toBeLessThan(1800);
  let lines = 0;
  for await (const chunk of text) lines += String(chunk).split('\n').length - 1;
  expect(lines).toBeGreaterThan(1990);
  expect(made).toBe(2000);
});

test('an answer that is too small to be compressed takes no place', async () => {
  const asked: (string | undefined)[] = [];
  const step = compress(true, (req) => {
    asked.push(req.url);
    return '';
  });
  const server = createServer((req, res) =>
    step(req as never, res as never, () => {
      const text = 'x'.repeat(req.url === '/large' ? 2_000 : 1_000);
      res.setHeader('Content-Type', 'text/plain').setHeader('Content-Length', text.length).end(text);
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  for (const path of ['/small', '/large'])
    expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
  expect(asked).toEqual(['/large']);
});
