import { expect, test } from '@jest/globals';
import { Emitter } from '@socket.io/redis-emitter';
import { encode } from 'notepack.io';
import type { Socket } from 'socket.io-client';
import { expectHealthy } from '../support/checks.js';
import { type ClusterEnv, describeCluster, spawnGateways, startGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { freeze } from '../support/freeze.js';
import { startTestGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { plainClient } from '../support/redis-server.js';
import { plainResults } from '../support/results.js';
import { ask, connect, subscribe } from '../support/socket.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { Signal } from '../support/wait.js';

const OLD = Math.floor(Date.now() / 1000) - 60;
const ADMIN = { sub: 'root', scope: 'admin', iat: OLD };

async function call(url: string, method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${await tokenOf(ADMIN)}` };
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const revoke = (url: string, sub: string) => call(url, 'POST', '/api/sessions/revoke', { sub });
const listenersOf = async (url: string, fileId: string) =>
  (await call(url, 'GET', `/api/files/${fileId}/listeners`)).body;

const janes = async (url: string, iat = OLD) =>
  connect(url, { auth: { token: await tokenOf({ sub: 'jane', scope: 'read', files: '*', iat }) } });

const reasonOf = (socket: Socket) =>
  new Promise<unknown>((resolve) =>
    socket.once('disconnect', (_reason, details) =>
      resolve((details as { context?: { reason?: unknown } }).context?.reason),
    ),
  );

/** Fulfilled once the gateways reach each other: they do not wait for that when they start. */
const untilConnected = (urls: readonly string[]) =>
  eventually('every gateway counts all', async () => {
    const socket = await janes(urls[0] ?? '');
    await subscribe(socket, { fileId: 'any' });
    const counts = await Promise.all(urls.map((url) => listenersOf(url, 'any')));
    socket.disconnect();
    return counts.every(({ gateways }) => gateways === urls.length);
  });

describeCluster('sessions', (newEnv) => {
  const start = async (env: ClusterEnv, more: NodeJS.ProcessEnv = {}) => {
    const urls = (await startGateways(2, { ...env, ...JWT, ...more })).map(({ url }) => url);
    await untilConnected(urls);
    return urls as [string, string];
  };

  test('are counted, and revoked at every gateway, through the adapter', async () => {
    // Its messages are all there is: the note is not read again within this test.
    const [here, there] = await start(newEnv(), { REVOCATION_CHECK_MS: '60000' });
    const sockets = await Promise.all([janes(here), janes(there), janes(there)]);
    const joe = await connect(there, { auth: { token: await tokenOf({ sub: 'joe', iat: OLD }) } });
    for (const socket of sockets) await subscribe(socket, { fileId: 'f1' });
    expect(await listenersOf(here, 'f1')).toEqual({ listeners: 3, gateways: 2 });
    expect(await listenersOf(there, 'f1')).toEqual({ listeners: 3, gateways: 2 });
    const reasons = sockets.map(reasonOf);
    expect(await revoke(here, 'jane')).toEqual({ status: 200, body: { sockets: 3 } });
    expect(await Promise.all(reasons)).toEqual(['revoked', 'revoked', 'revoked']);
    for (const iat of [OLD, Math.floor(Date.now() / 1000) + 60])
      await expect(janes(there, iat)).rejects.toMatchObject({ data: { code: 'unauthorized' } });
    expect(joe.connected).toBe(true);
    expect((await call(there, 'GET', '/api/files/f1/listeners')).status).toBe(404);
  });

  test('are revoked although the message of the adapter is lost', async () => {
    const env = newEnv();
    const [here] = await start(env, { REVOCATION_CHECK_MS: '100' });
    // On other channels: no message reaches it.
    const deaf = await startTestGateway({
      ...env,
      ...JWT,
      REVOCATION_CHECK_MS: '100',
      SOCKET_IO_KEY: 'nobody',
    });
    const socket = await janes(deaf.url);
    const reason = reasonOf(socket);
    expect((await revoke(here, 'jane')).body).toEqual({ sockets: 0 });
    expect(await reason).toBe('revoked');
    await expect(janes(deaf.url)).rejects.toMatchObject({ data: { code: 'unauthorized' } });
    // The gateway that has stored it may be gone.
    const later = await startTestGateway({ ...env, ...JWT });
    await expect(janes(later.url)).rejects.toMatchObject({ data: { code: 'unauthorized' } });
  });

  test('are counted and revoked while a gateway hangs, and there when it goes on', async () => {
    const env = { ...newEnv(), ...JWT, REVOCATION_CHECK_MS: '60000' };
    const gateways = await spawnGateways(2, env);
    const [here = '', there = ''] = gateways.map(({ url }) => url);
    await untilConnected([here, there]);
    const [near, far] = [await janes(here), await janes(there)];
    for (const socket of [near, far]) await subscribe(socket, { fileId: 'f1' });
    const reasons = [reasonOf(near), reasonOf(far)];
    const goOn = await freeze(gateways[1]?.child);
    expect(await listenersOf(here, 'f1')).toEqual({ listeners: 1, gateways: 1 });
    expect((await revoke(here, 'jane')).body).toEqual({ sockets: 1 });
    expect(await reasons[0]).toBe('revoked');
    goOn();
    expect(await reasons[1]).toBe('revoked');
    for (const gateway of gateways) expectHealthy(gateway);
  });
});

describeCluster('a service with @socket.io/redis-emitter', (newEnv) => {
  test('reaches the sockets of a user and of a file, and keeps the order of the file', async () => {
    const env = newEnv();
    const urls = (await startGateways(2, { ...env, FLUSH_INTERVAL_MS: '0' })).map(({ url }) => url);
    const emitter = new Emitter(plainClient(env.REDIS_URL), { key: env.SOCKET_IO_KEY });
    const listeners = urls.flatMap((url) => [
      { url, listener: new StrictListener('f1') },
      { url, listener: new StrictListener('f1', { transports: ['polling'] }) },
      { url, listener: new StrictListener('f1', { feeds: ['emails'] }) },
    ]);
    const signal = new Signal();
    const heard = listeners.map(() => [] as number[]);
    await Promise.all(
      listeners.map(({ url, listener }, index) => {
        listener.begin(url).on('notice', (number: number) => {
          heard[index]?.push(number);
          signal.changed();
        });
        return listener.until(() => listener.answers.length > 0);
      }),
    );
    const room = 'file_emails:f1';
    await eventually('the adapters are connected', async () => {
      emitter.to(room).emit('notice', -1);
      return heard.every((numbers) => numbers.length > 0);
    });
    const count = effort(60, 600);
    const producer = new Producer(...urls);
    const results = plainResults('b', count);
    for (let upTo = 1; upTo <= count; upTo++) {
      emitter.to(room).emit('notice', upTo);
      const isComplete = upTo === count;
      await producer.update(message('b', results, { upTo, isComplete, total: count, fileId: 'f1' }));
    }
    for (const { listener } of listeners) await listener.until(() => listener.has('b', count - 1));
    const all = Array.from({ length: count }, (_, index) => index + 1);
    const describe = () => JSON.stringify(heard.map((numbers) => numbers.length));
    await signal.until(() => heard.every((numbers) => numbers.includes(count)), describe);
    for (const numbers of heard) expect(numbers.filter((number) => number > 0)).toEqual(all);
    for (const { listener } of listeners) expect([listener.faults, listener.gaps]).toEqual([[], 0]);
  });

  test('reaches a user wherever they are connected', async () => {
    const env = newEnv();
    const urls = (await startGateways(2, { ...env, ...JWT })).map(({ url }) => url);
    await untilConnected(urls);
    const emitter = new Emitter(plainClient(env.REDIS_URL), { key: env.SOCKET_IO_KEY });
    const sockets = await Promise.all(urls.map((url) => janes(url)));
    const joe = await connect(urls[0] ?? '', { auth: { token: await tokenOf({ sub: 'joe' }) } });
    joe.onAny((event) => {
      throw new Error(`joe got ${event}`);
    });
    const got = sockets.map((socket) => new Promise((resolve) => socket.once('notice', resolve)));
    emitter.to('user:jane').emit('notice', { text: 'hello' });
    expect(await Promise.all(got)).toEqual([{ text: 'hello' }, { text: 'hello' }]);
    const gone = sockets.map((socket) => new Promise((resolve) => socket.once('disconnect', resolve)));
    emitter.in('user:jane').disconnectSockets(true);
    await Promise.all(gone);
    expect(await ask(joe, 'unsubscribe', { fileId: 'f1' })).toEqual({ ok: true });
  });

  test('breaks nothing with messages that make no sense', async () => {
    const env = newEnv();
    const gateways = await spawnGateways(2, { ...env, ...JWT });
    const urls = gateways.map(({ url }) => url);
    await untilConnected(urls);
    const redis = plainClient(env.REDIS_URL);
    const key = env.SOCKET_IO_KEY;
    const answers: string[] = [];
    const observer = plainClient(env.REDIS_URL);
    await observer.psubscribe(`${key}-response*`);
    observer.on('pmessage', (_pattern, _channel, text: string) => answers.push(text));
    const sockets = await Promise.all([...urls, ...urls].map((url) => janes(url)));
    const events: string[] = [];
    for (const socket of sockets) {
      await subscribe(socket, { fileId: 'f1' });
      socket.on('disconnect', (reason) => events.push(reason));
      socket.onAny((event: string) => events.push(event));
    }
    for (const [channel, text] of nonsense(key)) await redis.publish(channel, text);
    // Behind all of them, on each channel that a gateway listens to.
    const marker = new Emitter(redis, { key });
    const got = sockets.map((socket) => new Promise((resolve) => socket.once('marker', resolve)));
    marker.to('user:jane').emit('marker');
    await Promise.all(got);
    await subscribe(sockets[0] as Socket, { fileId: 'f1' });
    expect(await listenersOf(urls[0] ?? '', 'f1')).toEqual({ listeners: 4, gateways: 2 });
    expect(events.filter((event) => event !== 'marker')).toEqual([]);
    // The other gateway's count comes behind all of its answers.
    await eventually('the count is seen', async () => answers.some((text) => text.includes('"data":2')));
    expect(answers.filter((text) => text.includes('jane'))).toEqual([]);
    for (const gateway of gateways) expectHealthy(gateway);
  });
});

/** Messages for the channels of the adapter: each would end a gateway, or disconnect sockets, if it were handed on. */
function nonsense(key: string): [channel: string, message: string | Buffer][] {
  const opts = { rooms: [], except: [] };
  const toJane = { rooms: ['user:jane'], except: [] };
  const pad = 'x'.repeat(64 * 1024);
  const deep = '['.repeat(64 * 1024) + ']'.repeat(64 * 1024);
  const packet = { type: 2, nsp: '/', data: ['notice'] };
  const requests: unknown[] = [
    null,
    7,
    [],
    {},
    { type: 4 },
    { type: 4, opts },
    { type: 4, opts: {} },
    { type: 4, opts: { rooms: 'user:jane', except: [] } },
    { type: 4, opts: { rooms: null }, close: true },
    { type: 5, requestId: 'r' },
    { type: 5, requestId: 'r', opts: { rooms: [], except: [] } },
    { type: 6, uid: 'x' },
    { type: 6, uid: 'x', data: [] },
    { type: 6, uid: 'x', data: 'connection', requestId: 'r' },
    { type: 6, uid: 'x', data: ['connection', {}], requestId: 'r' },
    { type: 6, uid: 'x', data: ['revoked', { sub: 'jane' }], requestId: 'r' },
    { type: 6, uid: 'x', data: ['revoked', null] },
    { type: 6, uid: 'x', data: ['count_listeners', 7], requestId: 'r' },
    { type: 2, opts, rooms: ['file_emails:f1'] },
    { type: 3, opts, rooms: ['file_emails:f1'] },
    { type: 7, requestId: 'r', packet, opts },
    { type: 1, requestId: 'r' },
  ];
  const broadcasts: unknown[] = [
    null,
    [],
    ['x'],
    ['x', packet],
    ['x', packet, {}],
    ['x', packet, { rooms: 7, except: [] }],
    ['x', { ...packet, type: 1 }, opts],
    ['x', { ...packet, data: ['disconnect'] }, opts],
    ['x', { ...packet, data: [] }, opts],
    ['x', { ...packet, data: 'notice' }, opts],
    ['x', { ...packet, id: 1 }, opts],
  ];
  const onRequests = requests.map((request): [string, string] => [
    `${key}-request#/#`,
    JSON.stringify(request),
  ]);
  const onResponses = ['null', '7', '{}', '{"requestId":7}', '{'].map((text): [string, string] => [
    `${key}-response#/#`,
    text,
  ]);
  const onBroadcasts = broadcasts.map((broadcast): [string, Buffer] => [`${key}#/#`, encode(broadcast)]);
  return [
    ...onRequests,
    ...onResponses,
    ...onBroadcasts,
    // Too large to be read at all: one of megabytes would hold up everything else, whatever its shape.
    [`${key}-request#/#`, JSON.stringify({ type: 4, opts: toJane, close: true, pad })],
    [
      `${key}-request#/#`,
      JSON.stringify({ type: 4, opts: toJane, pad: [] }).replace('"pad":[]', `"pad":${deep}`),
    ],
    [`${key}#/#`, encode(['x', { ...packet, pad }, toJane])],
    [`${key}-request#/#`, '{"type":4'],
    [`${key}-request#/#`, encode({ type: 4, opts })],
    [`${key}-request#/#`, ''],
    [`${key}-response#/#`, Buffer.from([0xc1, 0xff])],
    [`${key}#/#`, 'hello'],
    [`${key}#/#`, ''],
    [`${key}#/#user:jane#`, Buffer.from([0xc1, 0xff])],
  ];
}
