import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import type { Gateway } from '../../src/gateway.js';
import { expectDocumented } from '../support/documented.js';
import { eventually } from '../support/eventually.js';
import { startTestGateway } from '../support/gateway.js';
import { ask, connect, open, refusalOf, subscribe } from '../support/socket.js';
import { temporaryDirectory } from '../support/teardown.js';
import { JWT, tokenOf } from '../support/tokens.js';

let gateway: Gateway;
let url = '';
let admin = '';
const now = () => Math.floor(Date.now() / 1000);
/** Issued before anything that a test does. */
const OLD = now() - 60;
/** Issued after all that was done before. Clocks differ, so some seconds to come are taken for now. */
const next = () => now() + 4;

beforeEach(async () => {
  gateway = await startTestGateway(JWT);
  ({ url } = gateway);
  admin = await tokenOf({ sub: 'root', scope: 'admin', iat: OLD });
});

const janes = (iat: number | undefined = OLD, more: object = {}) =>
  tokenOf({ sub: 'jane', scope: 'read', files: '*', iat, ...more });

async function call(method: string, path: string, token: string, body?: unknown) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  expectDocumented(method, response.url, { status: response.status, headers: response.headers, text });
  return { status: response.status, body: JSON.parse(text || '{}') as Record<string, unknown> };
}

const revoke = (sub: string) => call('POST', '/api/sessions/revoke', admin, { sub });

/** What the client is told when its connection ends. */
const ended = (socket: Socket) =>
  new Promise<{ reason: string; code: unknown; said: unknown }>((resolve) =>
    socket.once('disconnect', (reason, details) => {
      const { code, reason: said } = ((details as { context?: object } | undefined)?.context ?? {}) as {
        code?: unknown;
        reason?: unknown;
      };
      resolve({ reason, code, said });
    }),
  );

describe('revoking the sessions of a user', () => {
  it('disconnects all their sockets with the reason, and nobody else', async () => {
    const token = await janes();
    const hers = await Promise.all([connect(url, { auth: { token } }), connect(url, { auth: { token } })]);
    const polling = await connect(url, { auth: { token }, transports: ['polling'] });
    const other = await connect(url, { auth: { token: await tokenOf({ sub: 'jane ', iat: OLD }) } });
    const all = [...hers, polling].map(ended);
    for (const socket of hers) await subscribe(socket, { fileId: 'f1' });
    expect(await revoke('jane')).toEqual({ status: 200, body: { sockets: 3 } });
    for (const end of (await Promise.all(all)).slice(0, 2))
      expect(end).toEqual({ reason: 'transport close', code: 1008, said: 'revoked' });
    expect(await ask(other, 'unsubscribe', { fileId: 'f1' })).toEqual({ ok: true });
    expect(await revoke('jane')).toEqual({ status: 200, body: { sockets: 0 } });
    expect(await revoke('nobody')).toEqual({ status: 200, body: { sockets: 0 } });
  });

  it('refuses the tokens from before by REST, handshake and refresh, and takes those from after', async () => {
    const kept = await connect(url, { auth: { token: await janes(next()) } });
    expect((await call('GET', '/api/files', await janes())).status).toBe(200);
    await revoke('jane');
    for (const token of [await janes(), await janes(undefined, { iat: undefined })]) {
      const { status, body } = await call('GET', '/api/files', token);
      expect([status, body.code, body.detail]).toEqual([401, 'unauthorized', 'the token was revoked']);
      await expect(connect(url, { auth: { token } })).rejects.toMatchObject({
        data: { code: 'unauthorized', retryable: false },
      });
      expect(await refusalOf(kept, 'refresh', { token })).toMatchObject({ code: 'unauthorized' });
    }
    expect((await call('GET', '/api/files', await janes(next()))).status).toBe(200);
    await connect(url, { auth: { token: await janes(next()) } });
    expect(await ask(kept, 'refresh', { token: await janes(next()) })).toMatchObject({ ok: true });
  });

  it('refuses a token of the same second, unless it says that it is younger', async () => {
    await revoke('jane');
    expect((await call('GET', '/api/files', await janes(now()))).status).toBe(401);
    expect((await call('GET', '/api/files', await janes(Date.now() / 1000 + 0.001))).status).toBe(200);
  });

  it('is not outlived by a token that is dated behind it: such a token opens nothing', async () => {
    const token = await janes(now() + 60);
    const isRefused = async () => {
      const { status, body } = await call('GET', '/api/files', token);
      expect([status, body.code]).toEqual([401, 'unauthorized']);
      await expect(connect(url, { auth: { token } })).rejects.toMatchObject({
        data: { code: 'unauthorized' },
      });
    };
    await isRefused();
    await revoke('jane');
    await isRefused();
  });

  it('cuts off a socket that was about to connect', async () => {
    const token = await janes();
    const opening = Array.from({ length: 20 }, () => open(url, { auth: { token } }));
    const revoked = revoke('jane');
    const outcomes = opening.map(
      (socket) =>
        new Promise<string>((resolve) => {
          socket.once('disconnect', () => resolve('disconnected'));
          socket.once('connect_error', () => resolve('refused'));
        }),
    );
    await revoked;
    for (const outcome of outcomes) expect(['disconnected', 'refused']).toContain(await outcome);
    expect(opening.filter(({ connected }) => connected)).toEqual([]);
  });

  it('lasts through a restart', async () => {
    const DATA_DIR = temporaryDirectory();
    await gateway.close();
    ({ url } = gateway = await startTestGateway({ ...JWT, DATA_DIR }));
    expect((await revoke('jane')).status).toBe(200);
    await gateway.close();
    ({ url } = await startTestGateway({ ...JWT, DATA_DIR }));
    expect((await call('GET', '/api/files', await janes())).status).toBe(401);
  });

  it('needs the scope admin and a user', async () => {
    const path = '/api/sessions/revoke';
    expect((await call('POST', path, await janes(), { sub: 'jane' })).status).toBe(403);
    expect((await call('POST', path, 'nonsense', { sub: 'jane' })).status).toBe(401);
    for (const body of [
      {},
      { sub: '' },
      { sub: 7 },
      { sub: null },
      { sub: 'a\u0000' },
      { sub: 'x'.repeat(257) },
    ]) {
      const refused = await call('POST', path, admin, body);
      expect([refused.status, refused.body.errors]).toMatchObject([400, [{ field: 'sub' }]]);
    }
    expect((await call('POST', path, admin, '{')).status).toBe(400);
    expect((await call('GET', '/api/files', await janes())).status).toBe(200);
  });
});

describe('the listeners of a file', () => {
  it('are counted once each, whatever feeds they have', async () => {
    const token = await janes();
    const path = '/api/files/f1/listeners';
    expect(await call('GET', path, token)).toMatchObject({ status: 404, body: { code: 'file_not_found' } });
    const [both, stats] = [await connect(url, { auth: { token } }), await connect(url, { auth: { token } })];
    await subscribe(both, { fileId: 'f1' });
    await subscribe(stats, { fileId: 'f1', feeds: ['stats'] });
    await subscribe(stats, { fileId: 'f10' });
    expect(await call('GET', path, token)).toEqual({ status: 200, body: { listeners: 2, gateways: 1 } });
    await ask(both, 'unsubscribe', { fileId: 'f1' });
    stats.disconnect();
    await eventually('the socket is gone', async () => (await call('GET', path, token)).status === 404);
  });

  it('are told to those who may see the file', async () => {
    const reader = await tokenOf({ sub: 'joe', scope: 'read', iat: OLD });
    const socket = await connect(url, { auth: { token: await janes() } });
    await subscribe(socket, { fileId: 'f1' });
    expect(await call('GET', '/api/files/f1/listeners', reader)).toMatchObject({
      status: 404,
      body: { code: 'file_not_found' },
    });
    expect((await call('GET', '/api/files/f1/listeners', await tokenOf({ sub: 'joe' }))).status).toBe(403);
  });
});
