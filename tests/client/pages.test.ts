import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { readPages } from '../../src/client/pages.js';
import { onTeardown } from '../support/teardown.js';

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A gateway that has 600 results, of which the last hundred are very large. */
const start = () =>
  serve((req, res) => {
    const query = new URL(req.url ?? '', 'http://localhost').searchParams;
    const [page, limit] = [Number(query.get('page')), Number(query.get('limit'))];
    const [from, to] = [(page - 1) * limit, Math.min(600, page * limit)];
    if (limit > 50 && from >= 500) {
      res.writeHead(413, { 'content-type': 'application/problem+json' });
      return void res.end('{"code":"payload_too_large","detail":"too large"}');
    }
    const emails = Array.from({ length: to - from }, (_, n) => ({
      batchId: 'b',
      position: from + n,
      email: String(from + n),
    }));
    const pagination = { total: 600, page, limit, pages: Math.ceil(600 / limit) };
    res.end(JSON.stringify({ emails, pagination }));
  });

test('where a page is too large, smaller ones go on at the same place', async () => {
  const read: string[] = [];
  for await (const { emails } of readPages({ url: await start() }, 'f', new AbortController().signal))
    read.push(...emails.map(({ email }) => email));
  expect(read).toEqual(Array.from({ length: 600 }, (_, n) => String(n)));
});

test.each([
  '<p>Please log in',
  '{}',
  'null',
  '{"emails":{},"pagination":{"pages":1}}',
  '{"emails":[]}',
  '{"emails":[null],"pagination":{"pages":1}}',
  '{"emails":[{"batchId":"b"}],"pagination":{"pages":1}}',
])('an answer of success that is no page ends the reading: %s', async (text) => {
  let answers = 0;
  const url = await serve((_, res) => {
    answers++;
    res.end(text);
  });
  const pages = readPages({ url }, 'f', new AbortController().signal);
  await expect(pages.next()).rejects.toMatchObject({ name: 'VerigateError', code: 'unavailable' });
  expect(answers).toBe(1);
});

test('a redirect to another server is not followed', async () => {
  let asked = 0;
  const other = await serve((_, res) => {
    asked++;
    res.end('{"emails":[],"pagination":{"pages":1}}');
  });
  const url = await serve((_, res) => void res.writeHead(307, { location: other }).end());
  const pages = readPages({ url, token: 'secret' }, 'f', new AbortController().signal);
  await expect(pages.next()).rejects.toMatchObject({ code: 'unavailable', retryable: false, status: 307 });
  expect(asked).toBe(0);
});

test('of a body without an end a part is read, however small the page', async () => {
  const limits: (string | null)[] = [];
  const url = await serve((req, res) => {
    limits.push(new URL(req.url ?? '', 'http://localhost').searchParams.get('limit'));
    const more = () => {
      while (res.write(' '.repeat(2 ** 20)));
    };
    res.on('drain', more).on('error', () => undefined);
    more();
  });
  const pages = readPages({ url }, 'f', new AbortController().signal);
  await expect(pages.next()).rejects.toMatchObject({ code: 'payload_too_large' });
  expect(limits).toEqual(['500', '250', '50', '10', '1']);
}, 60_000);

test('where page after page is empty, the next one is asked for after a pause', async () => {
  const end = new AbortController();
  let answers = 0;
  const url = await serve((_, res) => {
    answers++;
    res.end('{"emails":[],"pagination":{"pages":1e300}}', () => setImmediate(() => end.abort()));
  });
  await expect(readPages({ url }, 'f', end.signal).next()).rejects.toThrow();
  expect(answers).toBe(1);
});
