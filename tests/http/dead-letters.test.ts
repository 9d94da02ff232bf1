import { describe, expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import type { Gateway } from '../../src/gateway.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { LIMITS } from '../store/directory.js';
import { spawnGateway, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { call, complete, type Json, result, startApp } from './harness.js';

const PATH = '/api/dead-letters';
const CANARY = 'canary-4c1e@example.com';
const update = JSON.stringify(complete('b', [result('a@x'), result('b@x')], { fileId: 'f' }));

/** A data directory in which an earlier gateway has put these messages aside. */
async function directoryWith(payloads: readonly string[]): Promise<string> {
  const directory = temporaryDirectory();
  const store = await SqliteStore.open({ directory, ...LIMITS });
  for (const payload of payloads)
    await store.deadLetters.add({ inlet: 'stream', reason: 'body: must be JSON', payload });
  await store.close();
  return directory;
}

const gatewayWith = async (...payloads: string[]): Promise<Gateway> =>
  startTestGateway({ DATA_DIR: await directoryWith(payloads), FLUSH_INTERVAL_MS: '0' });

const deadLetters = async (gateway: { url: string }): Promise<Json[]> =>
  (await call(gateway, 'GET', PATH)).json.items;

async function onlyDeadLetter(gateway: { url: string }): Promise<Json> {
  const [deadLetter, ...others] = await deadLetters(gateway);
  expect([deadLetter, others]).toEqual([expect.anything(), []]);
  return deadLetter;
}

describe('dead letters', () => {
  test('are listed newest first, in pages', async () => {
    const gateway = await gatewayWith(...Array.from({ length: 7 }, (_, i) => `letter ${i}`));
    const seen: Json[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { status, json } = await call(gateway, 'GET', `${PATH}?limit=3${query}`);
      expect(status).toBe(200);
      expect(json.items.length).toBe(seen.length < 6 ? 3 : 1);
      seen.push(...json.items);
      cursor = json.nextCursor;
    }
    expect(seen.map(({ payload }) => payload)).toEqual(
      Array.from({ length: 7 }, (_, i) => `letter ${6 - i}`),
    );
    expect(Object.keys(seen[0])).toEqual(['id', 'inlet', 'reason', 'receivedAt', 'payload']);
    expect(seen[0]).toMatchObject({ inlet: 'stream', reason: 'body: must be JSON' });
    expect((await call(gateway, 'GET', PATH)).json.nextCursor).toBeNull();
  });

  test('are cut at 64 KiB in the list and whole one by one, and must not be cached', async () => {
    const text = '€'.repeat(50_000);
    const gateway = await gatewayWith(text);
    const list = await call(gateway, 'GET', PATH);
    const [{ id, payload }] = list.json.items;
    expect(payload).toBe('€'.repeat(Math.floor(65_536 / 3)));
    const whole = await call(gateway, 'GET', `${PATH}/${id}`);
    expect(whole.json.payload === text).toBe(true);
    for (const { headers } of [list, whole]) expect(headers.get('cache-control')).toBe('no-store');
  });

  test('are taken in again like any update, and gone then', async () => {
    const gateway = await gatewayWith(update);
    const { id } = await onlyDeadLetter(gateway);
    const replayed = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    expect([replayed.status, replayed.json]).toEqual([202, { outcome: 'applied' }]);
    expect(replayed.headers.get('cache-control')).toBe('no-store');
    const { json } = await call(gateway, 'GET', '/api/files/f/emails');
    expect(json.emails.map(({ email }: Json) => email)).toEqual(['a@x', 'b@x']);
    expect(await deadLetters(gateway)).toEqual([]);
    const gone = { status: 404, code: 'not_found' };
    for (const [method, tail] of [
      ['POST', '/replay'],
      ['DELETE', ''],
      ['GET', ''],
    ])
      expect((await call(gateway, method ?? '', `${PATH}/${id}${tail}`)).json).toMatchObject(gone);
  });

  test('are replayed once, however many ask at the same time', async () => {
    const gateway = await gatewayWith(update);
    const { id } = await onlyDeadLetter(gateway);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call(gateway, 'POST', `${PATH}/${id}/replay`)),
    );
    const got = answers.map(({ status, json }) => json.outcome ?? `${status} ${json.code}`);
    expect(got).toContain('applied');
    for (const one of got) expect(['applied', 'unchanged', '404 not_found']).toContain(one);
    const { json } = await call(gateway, 'GET', '/api/files/f/emails');
    expect(json.pagination.total).toBe(2);
    expect(await deadLetters(gateway)).toEqual([]);
  });

  test('are held once replayed, if their batch is not registered', async () => {
    const gateway = await gatewayWith(JSON.stringify(complete('b', [result('a@x')])));
    const { id } = await onlyDeadLetter(gateway);
    expect((await call(gateway, 'POST', `${PATH}/${id}/replay`)).json).toEqual({ outcome: 'held' });
    expect(await deadLetters(gateway)).toEqual([]);
  });

  test.each([
    ['no JSON', 'half of {"batchId"', 'body'],
    ['no object', '[]', 'body'],
    ['no update', JSON.stringify({ ...complete('b', []), processedCount: CANARY }), 'processedCount'],
    ['nothing', '', 'body'],
  ])('that are still %s stay', async (_, payload, field) => {
    const gateway = await gatewayWith(payload);
    const { id } = await onlyDeadLetter(gateway);
    for (let turn = 0; turn < 2; turn++) {
      const { status, json, text } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
      expect([status, json.code, json.errors[0].field]).toEqual([400, 'invalid_request', field]);
      expect(text).not.toContain(CANARY);
    }
    expect((await onlyDeadLetter(gateway)).payload).toBe(payload);
  });

  test('are kept where they name another file than the registration of their batch', async () => {
    const gateway = await gatewayWith(update);
    await call(gateway, 'POST', '/api/files/g/batches', { batches: [{ batchId: 'b' }] });
    const { id } = await onlyDeadLetter(gateway);
    const { status, json } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    expect([status, json.errors[0].field]).toEqual([400, 'fileId']);
    expect(await onlyDeadLetter(gateway)).toMatchObject({ id });
  });

  test('that were too large to be kept whole say so, and cannot be replayed', async () => {
    const gateway = await gatewayWith(`{"batchId":"b","isComplete":"${'x'.repeat(9 * 2 ** 20)}"}`);
    const { id, reason } = await onlyDeadLetter(gateway);
    expect(reason).toBe('body: must be JSON; too large to be kept whole: the beginning of 9437215 bytes');
    const { status, json } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    expect([status, json.code]).toEqual([400, 'invalid_request']);
    expect(json.errors).toEqual([{ field: 'payload', message: 'was too large to be kept whole' }]);
    expect(await onlyDeadLetter(gateway)).toMatchObject({ id });
  });

  test('that are larger than an update may be stay', async () => {
    const small = await startTestGateway({
      DATA_DIR: await directoryWith([`${update}${' '.repeat(1024)}`]),
      MAX_UPDATE_BYTES: '1024',
    });
    const { id } = await onlyDeadLetter(small);
    const { status, json } = await call(small, 'POST', `${PATH}/${id}/replay`);
    expect([status, json.code]).toEqual([413, 'payload_too_large']);
    expect(await onlyDeadLetter(small)).toMatchObject({ id });
  });

  test('are thrown away once', async () => {
    const gateway = await gatewayWith('kept', 'gone');
    const [{ id }] = await deadLetters(gateway);
    const answer = await call(gateway, 'DELETE', `${PATH}/${id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await call(gateway, 'DELETE', `${PATH}/${id}`)).json).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect(await onlyDeadLetter(gateway)).toMatchObject({ payload: 'kept' });
  });

  test('go with the file that they name', async () => {
    const gateway = await gatewayWith('{"fileId":"f",', '{"batchId":"b"}', 'of no file');
    await call(gateway, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b' }] });
    expect((await call(gateway, 'DELETE', '/api/files/f')).status).toBe(204);
    expect(await onlyDeadLetter(gateway)).toMatchObject({ payload: 'of no file' });
  });
});

test('a dead letter is kept if the store or the replay fails', async () => {
  const away = new Fault('unavailable', 'the database cannot be used now', { retryAfterSeconds: 3 });
  const app = await startApp();
  const { store, intake } = app.deps;
  await store.deadLetters.add({ inlet: 'pubsub', reason: 'body: must be JSON', payload: update });
  const { id } = await onlyDeadLetter(app);
  const failures = [
    [intake, 'update'],
    [store.deadLetters, 'discard'],
    [store.deadLetters, 'find'],
  ] as const;
  for (const [of, method] of failures) {
    const works = of[method as never];
    Object.assign(of, { [method]: () => Promise.reject(away) });
    const answer = await call(app, 'POST', `${PATH}/${id}/replay`);
    expect([answer.status, answer.json.code, answer.headers.get('retry-after')]).toEqual([
      503,
      'unavailable',
      '3',
    ]);
    Object.assign(of, { [method]: works });
    expect(await onlyDeadLetter(app)).toMatchObject({ id, payload: update });
  }
  // Discarding it had failed when its update was stored already.
  expect((await call(app, 'POST', `${PATH}/${id}/replay`)).json).toEqual({ outcome: 'unchanged' });
  expect(await deadLetters(app)).toEqual([]);
});

test('a gateway that is stopping replays and discards nothing more', async () => {
  const app = await startApp();
  await app.deps.store.deadLetters.add({ inlet: 'pubsub', reason: 'body: must be JSON', payload: update });
  const { id } = await onlyDeadLetter(app);
  await app.deps.writes.drain(0);
  for (const [method, tail] of [
    ['POST', '/replay'],
    ['DELETE', ''],
  ])
    expect((await call(app, method ?? '', `${PATH}/${id}${tail}`)).status).toBe(503);
  expect(await onlyDeadLetter(app)).toMatchObject({ id });
});

test('no payload is written to the log, nor repeated by a refusal', async () => {
  const bad = JSON.stringify({ ...complete(`${CANARY}\n`, [CANARY]), fileId: [CANARY] });
  const good = JSON.stringify(complete('b', [result(CANARY)]));
  const DATA_DIR = await directoryWith([CANARY, bad, good, `{"batchId":"${CANARY}`]);
  const gateway = await spawnGateway({ DATA_DIR, LOG_LEVEL: 'trace' });
  for (const { id } of await deadLetters(gateway)) {
    await call(gateway, 'GET', `${PATH}/${id}`);
    const { status, text } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    if (status !== 202) expect([status, text.includes(CANARY)]).toEqual([400, false]);
  }
  expect(await deadLetters(gateway)).toHaveLength(3);
  for (const { id } of await deadLetters(gateway)) await call(gateway, 'DELETE', `${PATH}/${id}`);
  await call(gateway, 'GET', `${PATH}?cursor=${CANARY}`);
  await call(gateway, 'DELETE', `${PATH}/${CANARY}`);
  expect(await gateway.end('SIGTERM')).toBe(0);
  const said = [...gateway.log, ...gateway.complaints].join('\n');
  expect(said).toContain('listening');
  expect(said).not.toContain(CANARY);
});
