import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { readPages } from '../../src/client/pages.js';
import { onTeardown } from '../support/teardown.js';

/** A gateway that has 600 results, of which the last hundred are very large. */
async function start(): Promise<string> {
  const server = createServer((req, res) => {
    const query = new URL(req.url ?? '', 'http://localhost').searchParams;
    const [page, limit] = [Number(query.get('page')), Number(query.get('limit'))];
    const [from, to] = [(page - 1) * limit, Math.min(600, page * limit)];
    if (limit > 50 && from >= 500) {
      res.writeHead(413, { 'content-type': 'application/problem+json' });
      return void res.end('{"code":"payload_too_large","detail":"too large"}');
    }
    const emails = Array.from({ length: to - from }, (_, n) => ({ email: String(from + n) }));
    const pagination = { total: 600, page, limit, pages: Math.ceil(600 / limit) };
    res.end(JSON.stringify({ emails, pagination }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('where a page is too large, smaller ones go on at the same place', async () => {
  const read: string[] = [];
  for await (const { emails } of readPages({ url: await start() }, 'f', new AbortController().signal))
    read.push(...emails.map(({ email }) => email));
  expect(read).toEqual(Array.from({ length: 600 }, (_, n) => String(n)));
});
