import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { startTestGateway } from '../support/gateway.js';
import { message, pathOf } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { ask, connect, refusalOf, subscribe } from '../support/socket.js';
import { JWT, tokenOf } from '../support/tokens.js';

let url = '';
let producer = '';
const now = () => Math.floor(Date.now() / 1000);

beforeEach(async () => {
  ({ url } = await startTestGateway({ ...JWT, FLUSH_INTERVAL_MS: '0' }));
  producer = await tokenOf({ sub: 'producer', scope: 'ingest admin' });
});

async function call(method: string, path: string, body?: unknown): Promise<number> {
  const headers = { authorization: `Bearer ${producer}` };
  const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) ?? null });
  await response.arrayBuffer();
  return response.status;
}

const register = async (
  fileId: string,
  userId: string,
  batchId = `${fileId} of ${userId}`,
  requestId = userId,
) => {
  const body = { userId, requestId, batches: [{ batchId, totalEmails: 2 }] };
  expect(await call('POST', `${pathOf(fileId)}/batches`, body)).toBe(201);
};
const update = async (batchId: string, upTo = 2) => {
  expect(await call('POST', '/api/updates', message(batchId, plainResults(batchId, 2), { upTo }))).toBe(202);
};

const as = async (sub: string, more: object = {}): Promise<Socket> =>
  connect(url, { auth: { token: await tokenOf({ sub, scope: 'read', ...more }) } });

/** Every event that a socket receives, in order. */
function heard(socket: Socket): [string, Record<string, unknown>][] {
  const events: [string, Record<string, unknown>][] = [];
  socket.onAny((event: string, body: Record<string, unknown>) => events.push([event, body]));
  return events;
}

const next = (socket: Socket, event: string): Promise<Record<string, unknown>> =>
  new Promise((resolve) => socket.once(event, resolve));

describe('a handshake', () => {
  it.each([
    ['no token', {}],
    ['a token elsewhere', { query: { token: 'TOKEN' }, extraHeaders: { authorization: 'Bearer TOKEN' } }],
    ['nonsense', { auth: { token: 'nonsense' } }],
    ['an object', { auth: { token: { $gt: '' } } }],
    ['a list', { auth: { token: ['TOKEN'] } }],
  ])('is refused with %s, and the refusal says why', async (_, options) => {
    const token = await tokenOf({ sub: 'jane', scope: 'read' });
    const filled = JSON.parse(JSON.stringify(options).replaceAll('TOKEN', token)) as object;
    await expect(connect(url, filled)).rejects.toMatchObject({
      data: { code: 'unauthorized', retryable: false },
    });
  });

  it('is refused with a token that has expired', async () => {
    await expect(as('jane', { exp: now() - 1 })).rejects.toMatchObject({ data: { code: 'unauthorized' } });
  });
});

describe('a subscription', () => {
  it('is for those who may see the file; for others it is as if there was none', async () => {
    await register('hers', 'jane');
    for (const socket of [
      await as('jane'),
      await as('x', { files: ['hers'] }),
      await as('x', { scope: 'admin' }),
    ])
      expect((await subscribe(socket, { fileId: 'hers' })).ok).toBe(true);
    const joe = await as('joe');
    const hidden = await ask(joe, 'subscribe', { fileId: 'hers', since: { epoch: 'e', revision: 0 } });
    expect(hidden).toEqual(await ask(joe, 'subscribe', { fileId: 'none' }));
    expect(hidden).toMatchObject({ ok: false, error: { code: 'forbidden', retryable: false } });
    expect(
      await refusalOf(await as('jane', { scope: 'ingest' }), 'subscribe', { fileId: 'hers' }),
    ).toMatchObject({
      code: 'forbidden',
    });
    for (const fileId of [
      'hers ',
      ' hers',
      'HERS',
      'her͏s',
      '__proto__',
      'constructor',
      '*',
      'file_stats:hers',
    ])
      expect(await refusalOf(joe, 'subscribe', { fileId })).toMatchObject({ code: 'forbidden' });
    for (const fileId of [{ $gt: '' }, ['hers'], { toString: 'hers' }, 7, null, true])
      expect(await refusalOf(joe, 'subscribe', { fileId })).toMatchObject({ code: 'invalid_request' });
    const events = heard(joe);
    await update('hers of jane');
    await ask(joe, 'unsubscribe', { fileId: 'x' });
    expect(events).toEqual([]);
  });

  it('to a file to come is pending for a token that names it', async () => {
    const socket = await as('x', { files: ['soon'] });
    expect((await subscribe(socket, { fileId: 'soon' })).stats.status).toBe('pending');
    await register('soon', 'jane');
    const event = next(socket, 'file_emails');
    await update('soon of jane');
    expect((await event).fileId).toBe('soon');
  });

  it('ends for those who may no longer see the file, before its new owner’s events', async () => {
    await register('f', 'jane');
    const jane = await as('jane');
    const named = await as('x', { files: ['f'] });
    await subscribe(jane, { fileId: 'f' });
    await subscribe(named, { fileId: 'f' });
    await update('f of jane', 1);
    const events = heard(jane);
    const ended = next(jane, 'unsubscribed');
    const seen = next(named, 'file_emails').then(() => next(named, 'file_emails'));
    await register('f', 'joe');
    expect(await ended).toEqual({ fileId: 'f', code: 'forbidden' });
    await update('f of joe');
    await seen;
    expect(await refusalOf(jane, 'subscribe', { fileId: 'f' })).toMatchObject({ code: 'forbidden' });
    const about = events.map(([event, { status }]) => [event, status]);
    expect(JSON.stringify(events)).not.toContain('f of joe');
    expect(about.at(-1)).toEqual(['unsubscribed', undefined]);
    const joe = await as('joe');
    expect((await subscribe(joe, { fileId: 'f' })).stats.progress.processed).toBe(2);
  });

  it('ends with the file, and the next owner’s is another one', async () => {
    await register('f', 'jane');
    const jane = await as('jane');
    await subscribe(jane, { fileId: 'f' });
    const deleted = next(jane, 'file_deleted');
    expect(await call('DELETE', '/api/files/f')).toBe(204);
    await deleted;
    const events = heard(jane);
    await register('f', 'joe');
    await update('f of joe');
    expect(await refusalOf(jane, 'subscribe', { fileId: 'f' })).toMatchObject({ code: 'forbidden' });
    expect(events).toEqual([]);
  });
});

describe('a token that runs out', () => {
  it('takes the subscriptions with it, and no event follows', async () => {
    await register('f', 'jane');
    await register('g', 'jane');
    const socket = await as('jane', { exp: now() + 2 });
    await subscribe(socket, { fileId: 'f' });
    await subscribe(socket, { fileId: 'g', feeds: ['stats'] });
    const events = heard(socket);
    await next(socket, 'unsubscribed').then(() => ask(socket, 'unsubscribe', { fileId: 'x' }));
    expect(new Set(events.map(([, body]) => JSON.stringify(body)))).toEqual(
      new Set(['f', 'g'].map((fileId) => JSON.stringify({ fileId, code: 'token_expired' }))),
    );
    await update('f of jane');
    expect(await refusalOf(socket, 'subscribe', { fileId: 'f' })).toMatchObject({ code: 'unauthorized' });
    expect(events).toHaveLength(2);
    const exp = now() + 3600;
    expect(
      await ask(socket, 'refresh', { token: await tokenOf({ sub: 'jane', scope: 'read', exp }) }),
    ).toEqual({
      ok: true,
      expiresAt: new Date(exp * 1000).toISOString(),
    });
    expect((await subscribe(socket, { fileId: 'f' })).ok).toBe(true);
  });

  it('does not, where it was refreshed before', async () => {
    await register('f', 'jane');
    const exp = now() + 2;
    const socket = await as('jane', { exp });
    const other = await as('jane', { exp });
    await subscribe(socket, { fileId: 'f' });
    await subscribe(other, { fileId: 'f' });
    const events = heard(socket);
    // Beyond what a timer can wait for.
    const token = await tokenOf({ sub: 'jane', scope: 'read', exp: now() + 90 * 86_400 });
    expect(await ask(socket, 'refresh', { token })).toMatchObject({ ok: true });
    await next(other, 'unsubscribed');
    expect(await ask(socket, 'unsubscribe', { fileId: 'x' })).toEqual({ ok: true });
    expect(events).toEqual([]);
    const event = next(socket, 'file_stats');
    await update('f of jane');
    await event;
  });

  it('may be followed by one that sees less: the rest is lost before the answer', async () => {
    const socket = await as('x', { files: ['f', 'g'] });
    for (const fileId of ['f', 'g']) await subscribe(socket, { fileId });
    const events = heard(socket);
    await ask(socket, 'refresh', { token: await tokenOf({ sub: 'x', scope: 'read', files: ['g'] }) });
    expect(events).toEqual([['unsubscribed', { fileId: 'f', code: 'forbidden' }]]);
    expect(await refusalOf(socket, 'subscribe', { fileId: 'f' })).toMatchObject({ code: 'forbidden' });
    await register('f', 'jane');
    await register('g', 'jane');
    const event = next(socket, 'file_emails');
    await update('f of jane');
    await update('g of jane');
    expect((await event).fileId).toBe('g');
  });

  it('is not replaced by the token of another user, or by an invalid one', async () => {
    await register('f', 'jane');
    const socket = await as('jane');
    await subscribe(socket, { fileId: 'f' });
    const joes = await tokenOf({ sub: 'joe', scope: 'admin' });
    expect(await refusalOf(socket, 'refresh', { token: joes })).toMatchObject({ code: 'forbidden' });
    expect(await refusalOf(socket, 'refresh', { token: 'nonsense' })).toMatchObject({ code: 'unauthorized' });
    expect(await refusalOf(socket, 'refresh', {})).toMatchObject({ code: 'invalid_request' });
    const event = next(socket, 'file_emails');
    await update('f of jane');
    expect((await event).fileId).toBe('f');
  });
});
