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

const letters = async (gateway: { url: string }): Promise<Json[]> =>
  (await call(gateway, 'GET', PATH)).json.items;

async function onlyLetter(gateway: { url: string }): Promise<Json> {
  const [letter, ...others] = await letters(gateway);
  expect([letter, others]).toEqual([expect.anything(), []]);
  return letter;
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

  test('are cut at 64 KiB in the list and whole one by one, and nobody may cache them', async () => {
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
    const { id } = await onlyLetter(gateway);
    const replayed = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    expect([replayed.status, replayed.json]).toEqual([202, { outcome: 'applied' }]);
    expect(replayed.headers.get('cache-control')).toBe('no-store');
    const { json } = await call(gateway, 'GET', '/api/files/f/emails');
    expect(json.emails.map(({ email }: Json) => email)).toEqual(['a@x', 'b@x']);
    expect(await letters(gateway)).toEqual([]);
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
    const { id } = await onlyLetter(gateway);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call(gateway, 'POST', `${PATH}/${id}/replay`)),
    );
    const got = answers.map(({ status, json }) => json.outcome ?? `${status} ${json.code}`);
    expect(got).toContain('applied');
    for (const one of got) expect(['applied', 'unchanged', '404 not_found']).toContain(one);
    const { json } = await call(gateway, 'GET', '/api/files/f/emails');
    expect(json.pagination.total).toBe(2);
    expect(await letters(gateway)).toEqual([]);
  });

  test('wait with their registration where nobody has registered their batch', async () => {
    const gateway = await gatewayWith(JSON.stringify(complete('b', [result('a@x')])));
    const { id } = await onlyLetter(gateway);
    expect((await call(gateway, 'POST', `${PATH}/${id}/replay`)).json).toEqual({ outcome: 'held' });
    expect(await letters(gateway)).toEqual([]);
  });

  test.each([
    ['no JSON', 'half of {"batchId"', 'body'],
    ['no object', '[]', 'body'],
    ['no update', JSON.stringify({ ...complete('b', []), processedCount: CANARY }), 'processedCount'],
    ['nothing', '', 'body'],
  ])('that are still %s stay', async (_, payload, field) => {
    const gateway = await gatewayWith(payload);
    const { id } = await onlyLetter(gateway);
    for (let turn = 0; turn < 2; turn++) {
      const { status, json, text } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
      expect([status, json.code, json.errors[0].field]).toEqual([400, 'invalid_request', field]);
      expect(text).not.toContain(CANARY);
    }
    expect((await onlyLetter(gateway)).payload).toBe(payload);
  });

  test('that name the file of somebody else stay', async () => {
    const gateway = await gatewayWith(update);
    await call(gateway, 'POST', '/api/files/g/batches', { batches: [{ batchId: 'b' }] });
    const { id } = await onlyLetter(gateway);
    const { status, json } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    expect([status, json.errors[0].field]).toEqual([400, 'fileId']);
    expect(await onlyLetter(gateway)).toMatchObject({ id });
  });

  test('that were too large to be kept whole say so, and cannot be replayed', async () => {
    const gateway = await gatewayWith(`{"batchId":"b","isComplete":"${'x'.repeat(9 * 2 ** 20)}"}`);
    const { id, reason } = await onlyLetter(gateway);
    expect(reason).toBe('body: must be JSON; too large to be kept whole: the beginning of 9437215 bytes');
    const { status, json } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    expect([status, json.code]).toEqual([400, 'invalid_request']);
    expect(json.errors).toEqual([{ field: 'payload', message: 'was too large to be kept whole' }]);
    expect(await onlyLetter(gateway)).toMatchObject({ id });
  });

  test('that are larger than an update may be stay', async () => {
    const small = await startTestGateway({
      DATA_DIR: await directoryWith([`${update}${' '.repeat(1024)}`]),
      MAX_UPDATE_BYTES: '1024',
    });
    const { id } = await onlyLetter(small);
    const { status, json } = await call(small, 'POST', `${PATH}/${id}/replay`);
    expect([status, json.code]).toEqual([413, 'payload_too_large']);
    expect(await onlyLetter(small)).toMatchObject({ id });
  });

  test('are thrown away once', async () => {
    const gateway = await gatewayWith('kept', 'gone');
    const [{ id }] = await letters(gateway);
    const answer = await call(gateway, 'DELETE', `${PATH}/${id}`);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect((await call(gateway, 'DELETE', `${PATH}/${id}`)).json).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect(await onlyLetter(gateway)).toMatchObject({ payload: 'kept' });
  });

  test('go with the file that they name', async () => {
    const gateway = await gatewayWith('{"fileId":"f",', '{"batchId":"b"}', 'of nobody');
    await call(gateway, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b' }] });
    expect((await call(gateway, 'DELETE', '/api/files/f')).status).toBe(204);
    expect(await onlyLetter(gateway)).toMatchObject({ payload: 'of nobody' });
  });
});

test('a letter stays where the store or the way into it fails', async () => {
  const away = new Fault('unavailable', 'the database cannot be used now', { retryAfterSeconds: 3 });
  const app = await startApp();
  const { store, intake } = app.deps;
  await store.deadLetters.add({ inlet: 'pubsub', reason: 'body: must be JSON', payload: update });
  const { id } = await onlyLetter(app);
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
    expect(await onlyLetter(app)).toMatchObject({ id, payload: update });
  }
  // Discarding it had failed when its update was stored already.
  expect((await call(app, 'POST', `${PATH}/${id}/replay`)).json).toEqual({ outcome: 'unchanged' });
  expect(await letters(app)).toEqual([]);
});

test('a gateway that is stopping replays and discards nothing more', async () => {
  const app = await startApp();
  await app.deps.store.deadLetters.add({ inlet: 'pubsub', reason: 'body: must be JSON', payload: update });
  const { id } = await onlyLetter(app);
  await app.deps.writes.drain(0);
  for (const [method, tail] of [
    ['POST', '/replay'],
    ['DELETE', ''],
  ])
    expect((await call(app, method ?? '', `${PATH}/${id}${tail}`)).status).toBe(503);
  expect(await onlyLetter(app)).toMatchObject({ id });
});

test('no payload is written to the log, nor repeated by a refusal', async () => {
  const bad = JSON.stringify({ ...complete(`${CANARY}\n`, [CANARY]), fileId: [CANARY] });
  const good = JSON.stringify(complete('b', [result(CANARY)]));
  const DATA_DIR = await directoryWith([CANARY, bad, good, `{"batchId":"${CANARY}`]);
  const gateway = await spawnGateway({ DATA_DIR, LOG_LEVEL: 'trace' });
  for (const { id } of await letters(gateway)) {
    await call(gateway, 'GET', `${PATH}/${id}`);
    const { status, text } = await call(gateway, 'POST', `${PATH}/${id}/replay`);
    if (status !== 202) expect([status, text.includes(CANARY)]).toEqual([400, false]);
  }
  expect(await letters(gateway)).toHaveLength(3);
  for (const { id } of await letters(gateway)) await call(gateway, 'DELETE', `${PATH}/${id}`);
  await call(gateway, 'GET', `${PATH}?cursor=${CANARY}`);
  await call(gateway, 'DELETE', `${PATH}/${CANARY}`);
  expect(await gateway.end('SIGTERM')).toBe(0);
  const said = [...gateway.log, ...gateway.complaints].join('\n');
  expect(said).toContain('listening');
  expect(said).not.toContain(CANARY);
});
