/** Updates do not pass Express on their way; every answer is the same, byte for byte, as if they did. */
import { createServer } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { Guard } from '../../src/auth/guard.js';
import { createTokens } from '../../src/auth/tokens.js';
import { Fault } from '../../src/errors.js';
import { createApp } from '../../src/http/app.js';
import type { HttpConfig, HttpDependencies } from '../../src/http/dependencies.js';
import { createRequestListener } from '../../src/http/request-listener.js';
import { WritesInFlight } from '../../src/http/writes-in-flight.js';
import type { Intake } from '../../src/inlet/intake.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { answerTo, requestText } from '../support/raw-http.js';
import { SECRET, tokenOf } from '../support/tokens.js';
import { complete, listen, result, startApp, type TestApp } from './harness.js';

type Parts = Partial<Omit<HttpDependencies, 'config'>> & { config?: Partial<HttpConfig> };
type Case = readonly [name: string, text: string, expected: RegExp, parts?: Parts];

const WAYS = { express: createApp, chain: createRequestListener };

/** What one of the ways answers, logs and counts. */
async function handledBy(way: keyof typeof WAYS, { deps }: TestApp, text: string, parts: Parts) {
  const log: string[] = [];
  const logger = createLogger('trace', { write: (line: string) => void log.push(line) });
  const metrics = createMetrics();
  const config = { ...deps.config, ...parts.config };
  const writes = new WritesInFlight();
  const create = WAYS[way];
  const handle = create({ ...deps, writes, ...parts, config, logger, metrics });
  const { url } = await listen(createServer({ requireHostHeader: false }, handle));
  const { head, body, isClosed } = await answerTo(url, text);
  const counts = async () =>
    (await metrics.requests.get()).values
      .filter(({ metricName }) => metricName?.endsWith('_count'))
      .map(({ labels, value }) => JSON.stringify([labels, value]));
  // A request is counted and logged once its answer is closed, which may be after the client has read it.
  for (const end = Date.now() + 5_000; (await counts()).length === 0 && Date.now() < end; )
    await new Promise(setImmediate);
  return {
    answer: `${head.replace(/^Date: .*\r\n/m, '')}\r\n\r\n${body}`,
    isClosed,
    logged: log.map((line) => line.replace(/"(time|ms|stack)":("(\\.|[^"])*"|\d+)/g, '"$1":0')),
    counted: await counts(),
  };
}

async function expectTheSame(cases: readonly Case[]): Promise<void> {
  const apps = { express: await startApp(), chain: await startApp() };
  for (const [name, text, expected, parts = {}] of cases) {
    const express = await handledBy('express', apps.express, text, parts);
    const chain = await handledBy('chain', apps.chain, text, parts);
    expect({ name, ...chain }).toEqual({ name, ...express });
    expect({ name, counted: express.counted.length }).toEqual({ name, counted: 1 });
    expect(`${name}: ${express.answer.replaceAll('\r\n', ' ')}`).toMatch(expected);
  }
}

const update = JSON.stringify(complete('b', [result('a@x')], { fileId: 'f' }));
const post = (body: string, ...headers: string[]) => requestText('POST', '/api/updates', { headers, body });
const failing = (error: Error): Parts => ({
  intake: { read: async () => null, take: () => Promise.reject(error) } as unknown as Intake,
});
const allowing = (origin: string): Parts => ({ config: { CORS_ORIGINS: [origin] } });

function draining(): Parts {
  const writes = new WritesInFlight();
  void writes.drain(1);
  return { writes };
}

describe('an update that passes no router', () => {
  test('is answered, logged and counted as by Express', () =>
    expectTheSame([
      ['applied', post(update), /202 Accepted.*applied/],
      ['repeated', post(update), /202 Accepted.*unchanged/],
      ['held', post(JSON.stringify(complete('other', []))), /202 Accepted.*held/],
      ['not JSON', post('{'), /400 Bad Request.*invalid_request/],
      ['wrong fields', post('{"batchId":""}'), /400 Bad Request.*batchId/],
      ['no body', post(''), /400 Bad Request/],
      ['compressed', post(update, 'Content-Encoding: gzip'), /400 Bad Request.*content-encoding/],
      ['too large', post(update), /413 Payload Too Large/, { config: { MAX_UPDATE_BYTES: 10 } }],
      ['of another page', post(update, 'Origin: https://evil.example'), /403 Forbidden.*CORS_ORIGINS/],
      [
        'of a listed page',
        post(update, 'Origin: https://a.example'),
        /202 .*Allow-Origin: https:\/\/a\.example/,
        allowing('https://a.example'),
      ],
      ['of any page', post(update, 'Origin: https://a.example'), /202 .*Allow-Origin: \*/, allowing('*')],
      ['at a gateway that stops', post(update), /503 .*Retry-After: 1/, draining()],
      [
        'in an overload',
        post(update),
        /503 .*Retry-After: 7/,
        failing(new Fault('unavailable', 'full', { retryAfterSeconds: 7 })),
      ],
      ['at a fault of the gateway', post(update), /500 .*internal/, failing(new Error('broken'))],
      ['last of its connection', post(update, 'Connection: close'), /202 .*Connection: close/],
      ['of HTTP/1.0', post(update).replace('HTTP/1.1', 'HTTP/1.0'), /202 /],
    ]));

  test('needs a token where tokens are required, and its scope', async () => {
    const tokens = createTokens({ JWT_SECRET: SECRET });
    const guard = new Guard(tokens, { find: async () => null }, { check: async () => undefined });
    const bearer = async (scope: string) => `Authorization: Bearer ${await tokenOf({ sub: 'p', scope })}`;
    await expectTheSame([
      ['none', post(update), /401 .*WWW-Authenticate/, { guard }],
      ['wrong', post(update, 'Authorization: Bearer x'), /401 /, { guard }],
      ['to read', post(update, await bearer('read')), /403 .*ingest/, { guard }],
      ['to report', post(update, await bearer('ingest')), /202 /, { guard }],
    ]);
  });

  test('is a POST to that very path: Express has the others', () =>
    expectTheSame(
      (
        [
          ['GET', '/api/updates', /405 .*Allow: POST/],
          ['HEAD', '/api/updates', /405 /],
          ['OPTIONS', '/api/updates', /204 .*Allow: POST/],
          ['POST', '/api/updates/', /202 /],
          ['POST', '/api/updates?a=b', /202 /],
          ['POST', '/API/updates', /404 /],
          ['POST', '//api/updates', /404 /],
          ['POST', 'http://localhost/api/updates', /202 /],
        ] as const
      ).map(([method, path, expected]) => [
        `${method} ${path}`,
        requestText(method, path, { headers: ['Connection: close'], body: update }),
        expected,
      ]),
    ));
});
