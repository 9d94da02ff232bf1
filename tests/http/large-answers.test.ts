/** Pages of very large results, and clients that do not read them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Response } from 'express';
import { LargeAnswers } from '../../src/http/large-answers.js';
import { UnreadAnswers } from '../../src/unread-answers.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';
import { call, listen, result, seed, startApp } from './harness.js';

const KIB = 1024;
const MIB = 1024 * KIB;

test('a page has a bound of bytes: one beyond it is refused, and a snapshot has fewer results', async () => {
  const app = await startApp();
  const long = Array.from({ length: 12 }, (_, n) =>
    result(`a${n}@x`, { details: { general: { reason: 'r'.repeat(100 * KIB) } } }),
  );
  await seed(app, 'f', long.slice(0, 6), 'b1');
  await seed(app, 'f', long.slice(6), 'b2');
  const refused = await call(app, 'GET', '/api/files/f/emails');
  expect(refused.json).toMatchObject({
    status: 413,
    code: 'payload_too_large',
    errors: [{ field: 'limit' }],
  });
  expect(refused.json.detail).toContain('MAX_PAGE_BYTES');
  for (const page of [1, 2, 3]) {
    const { json } = await call(app, 'GET', `/api/files/f/emails?limit=4&page=${page}`);
    expect(json.emails).toHaveLength(4);
  }
  const { json } = await call(app, 'GET', '/api/files/f');
  expect(json.emails.emails).toHaveLength(5);
  expect(json.emails.pagination).toEqual({ total: 12, page: 1, limit: 5, pages: 3 });
});

test('large answers and exports come whole, whichever characters they have', async () => {
  const app = await startApp();
  // One unit more or less: one of them has a character of two units wherever a piece may end.
  const texts = ['', 'x'].map((start) => `${start}${'😀'.repeat(50 * KIB)}`);
  await seed(
    app,
    'f',
    texts.map((reason, n) => result(`a${n}@x`, { details: { general: { reason } } })),
  );
  for (const path of ['emails', 'export?format=ndjson', 'export'])
    expect((await call(app, 'GET', `/api/files/f/${path}`)).text.match(/\p{Emoji_Presentation}+/gu)).toEqual(
      texts.map((text) => text.replace('x', '')),
    );
});

test('what waits for clients that do not read has a bound: the one that has read nothing for the longest ends', async () => {
  const text = JSON.stringify('x'.repeat(20 * MIB));
  const answers = new LargeAnswers(new UnreadAnswers(50 * MIB), 60_000, () => 'caller');
  const { url } = await listen(
    createServer((_req, res) => {
      answers.send(res as unknown as Response, text).catch(() => res.destroy());
    }),
  );
  const ask = async (): Promise<Socket> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    onTeardown(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'readable');
    return socket;
  };
  const [first, second, third] = [await ask(), await ask(), await ask()];
  // A client that reads all has all.
  expect(await (await fetch(url)).text()).toHaveLength(text.length);
  // What the system has taken is still read, and then the end.
  await Promise.all([first, second].map((ended) => once(ended.resume(), 'close')));
  expect(first.bytesRead + second.bytesRead).toBeLessThan(2 * text.length);
  third.resume();
  await retry(async () => expect(third.bytesRead).toBeGreaterThan(text.length));
});

test('every answer with a list that may be long is counted where it is large', async () => {
  const sent: number[] = [];
  const app = await startApp({
    answers: {
      send: async (res, json) => {
        sent.push(json.length);
        res.setHeader('Content-Type', 'application/json; charset=utf-8').end(json);
      },
    },
  });
  await seed(app, 'f', [result('a@x')]);
  const { json } = await call(app, 'POST', '/api/webhooks', { url: 'https://example.com/' });
  const paths = [
    'files',
    'files/f',
    'files/f/emails',
    'files/f/batches',
    'files/f/breakdown?by=domain',
    `webhooks/${json.webhookId}/deliveries`,
    'dead-letters',
  ];
  for (const path of paths) expect((await call(app, 'GET', `/api/${path}`)).status).toBe(200);
  expect(sent).toHaveLength(paths.length);
});
