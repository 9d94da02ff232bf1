import { createServer, request } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { Guard } from '../../src/auth/guard.js';
import { createTokens } from '../../src/auth/tokens.js';
import { readConfig } from '../../src/config.js';
import { Fault } from '../../src/errors.js';
import { createApp } from '../../src/http/app.js';
import { SECRET } from '../support/tokens.js';
import { call, listen, result, seed, startApp, type TestApp } from './harness.js';

interface Raw {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
}

/** `fetch` keeps some headers to itself; a plain request sends all of them. */
function send(
  app: { url: string },
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    request(`${app.url}${path}`, { method, headers }, (answer) => {
      answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
    })
      .on('error', reject)
      .end();
  });
}

describe('CORS', () => {
  const preflight = {
    'access-control-request-method': 'DELETE',
    'access-control-request-headers': 'content-type',
  };

  test('lets the listed origins in, exactly', async () => {
    const app = await startApp({
      config: readConfig({ CORS_ORIGINS: 'https://app.example.com, http://localhost:5173/' }),
    });
    for (const origin of ['https://app.example.com', 'http://localhost:5173']) {
      const { headers } = await send(app, 'GET', '/api/files', { origin });
      expect(headers['access-control-allow-origin']).toBe(origin);
      const sdk = await send(app, 'GET', '/client/index.js', { origin });
      expect(sdk.headers['access-control-allow-origin']).toBe(origin);
      expect(headers.vary).toMatch(/Origin/);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      const asked = await send(app, 'OPTIONS', '/api/files/f', { origin, ...preflight });
      expect(asked.status).toBe(204);
      expect(asked.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': expect.stringContaining('DELETE'),
        'access-control-allow-headers': expect.stringMatching(/content-type/i),
      });
    }
    for (const origin of [
      'https://app.example.com.evil.example',
      'http://app.example.com',
      'null',
      'https://evil.example',
    ]) {
      const { status, headers } = await send(app, 'GET', '/api/files', { origin });
      expect([origin, status, headers['access-control-allow-origin']]).toEqual([origin, 200, undefined]);
      expect(headers.vary).toMatch(/Origin/);
      const asked = await send(app, 'OPTIONS', '/api/files/f', { origin, ...preflight });
      expect(asked.headers['access-control-allow-origin']).toBeUndefined();
    }
    expect(
      (await send(app, 'GET', '/livez', { origin: 'https://app.example.com' })).headers,
    ).not.toHaveProperty('access-control-allow-origin');
  });

  test('lets everyone in with *', async () => {
    const app = await startApp({ config: { CORS_ORIGINS: ['*'] } });
    const { headers } = await send(app, 'GET', '/api/files', { origin: 'https://any.example' });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect((await send(app, 'DELETE', '/api/files/f', { origin: 'https://any.example' })).status).toBe(404);
  });

  test('a page of another origin changes nothing, even without asking first', async () => {
    const app = await startApp();
    await seed(app, 'f', [result('a@x')]);
    const { host } = new URL(app.url);
    const forged = await send(app, 'DELETE', '/api/files/f', { origin: 'https://evil.example' });
    expect(forged.status).toBe(403);
    const simple = await send(app, 'POST', '/api/updates', { origin: 'null', 'content-type': 'text/plain' });
    expect(simple.status).toBe(403);
    const behindProxy = { origin: 'https://verigate.example.com', 'sec-fetch-site': 'same-origin' };
    expect((await send(app, 'DELETE', '/api/files/none', behindProxy)).status).toBe(404);
    expect((await send(app, 'DELETE', '/api/files/f', { origin: `http://${host}` })).status).toBe(204);
  });
});

describe('headers', () => {
  test('are strict everywhere', async () => {
    const app = await startApp();
    for (const path of ['/', '/api/files', '/livez', '/nothing']) {
      const { headers } = await send(app, 'GET', path, {});
      expect(headers['content-security-policy']).toMatch(/^default-src 'self';/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe|upgrade-insecure/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('strict-transport-security');
    }
    const api = await send(app, 'GET', '/api/files', {});
    expect(api.headers['cache-control']).toBe('no-store');
    expect(api.headers).not.toHaveProperty('etag');
  });

  test('of the SDK let browsers keep it, but ask each time', async () => {
    const app = await startApp();
    const { status, headers } = await send(app, 'GET', '/client/index.js', {});
    expect([status, headers['cache-control']]).toEqual([200, 'no-cache']);
    const again = await send(app, 'GET', '/client/index.js', { 'if-none-match': String(headers.etag) });
    expect(again.status).toBe(304);
  });

  test.each([
    [503, new Fault('unavailable'), '1'],
    [503, new Fault('unavailable', 'full', { retryAfterSeconds: 7 }), '7'],
  ])('a %s says when to come back', async (status, fault, retryAfter) => {
    const app = await startApp();
    Object.assign(app.deps.intake, { read: () => Promise.reject(fault) });
    const other = await listen(createServer(createApp(app.deps)));
    const answer = await call(other, 'POST', '/api/updates', '{}');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retryAfter]);
  });
});

describe('health', () => {
  test('ready tells why it is not', async () => {
    const reasons: string[] = [];
    const app = await startApp({ readiness: () => reasons });
    expect((await call(app, 'GET', '/readyz')).json).toEqual({ status: 'ok' });
    reasons.push('draining');
    const answer = await call(app, 'GET', '/readyz');
    expect([answer.status, answer.json]).toEqual([503, { status: 'unavailable', reasons: ['draining'] }]);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect((await call(app, 'GET', '/livez')).json).toEqual({ status: 'ok' });
  });

  test('metrics go by route patterns, to loopback only', async () => {
    const app = await startApp();
    await seed(app, 'secret-file', [result('a@x')]);
    await call(app, 'GET', '/api/files/secret-file/emails?email=secret');
    await call(app, 'GET', '/api/secret');
    const { status, text, headers } = await call(app, 'GET', '/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text).toMatch(
      /verigate_http_request_seconds_count\{method="GET",route="\/api\/files\/:fileId\/emails",status="200"\} 1/,
    );
    expect(text).toMatch(/route="unmatched",status="404"/);
    expect(text).not.toMatch(/secret/);
    expect(app.log.some((line) => line.includes('"route":"/api/files/:fileId/emails"'))).toBe(true);
    expect(app.log.join('')).not.toMatch(/secret/);
    for (const header of ['x-forwarded-for', 'forwarded']) {
      expect((await send(app, 'GET', '/metrics', { [header]: 'for=203.0.113.9' })).status).toBe(403);
    }
  });

  test('where tokens are required, metrics are answered without one under a name of loopback only', async () => {
    const tokens = createTokens({ JWT_SECRET: SECRET });
    const app = await startApp({
      guard: new Guard(tokens, { find: async () => null }, { check: async () => undefined }),
    });
    const statusFor = async (host: string) => (await send(app, 'GET', '/metrics', { host })).status;
    expect([await statusFor('localhost'), await statusFor('[::1]:3000')]).toEqual([200, 200]);
    // A page that its visitor's browser takes for one of this name.
    expect(await statusFor('rebound.example')).toBe(401);
  });

  test('metrics are refused to other peers', async () => {
    const app: TestApp = await startApp();
    const handler = createApp(app.deps);
    const far = await listen(
      createServer((req, res) => {
        Object.defineProperty(req.socket, 'remoteAddress', { value: '203.0.113.9' });
        handler(req, res);
      }),
    );
    expect((await call(far, 'GET', '/metrics')).json).toMatchObject({ status: 403, code: 'forbidden' });
  });
});
