import { describe, expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { always, type StandIn, standIn, validatorAt } from '../validator/stand-in.js';
import { call, complete, type Json, result, startApp, type TestApp } from './harness.js';

const SECRET = 'victim@example.com';
const PATH = '/api/files/f/validations';

const start = async (server: StandIn): Promise<TestApp> => startApp({ validator: validatorAt(server) });

describe('a submission', () => {
  test('of several batches is registered, and their updates are applied', async () => {
    const server = await standIn(
      always(200, { requestId: 'r1', batchIds: ['b1', 'b2'], status: 'processing' }),
    );
    const app = await start(server);
    const emails = Array.from({ length: 11 }, (_, i) => `u${i}@x`);
    const { status, json } = await call(app, 'POST', PATH, { emails, flags: { check_smtp: false } });
    expect(status).toBe(202);
    expect(json).toEqual({
      fileId: 'f',
      requestId: 'r1',
      batchIds: ['b1', 'b2'],
      totalEmails: 11,
      repeats: 0,
      status: 'pending',
      submission: null,
    });
    expect(server.seen[0]?.headers['x-user-id']).toBe('verigate');
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({
      emails,
      check_mx: true,
      check_smtp: false,
      check_disposable: true,
      check_catch_all: true,
      check_blacklist: true,
    });
    await call(
      app,
      'POST',
      '/api/updates',
      complete(
        'b1',
        emails.slice(0, 10).map((email) => result(email)),
      ),
    );
    await app.announce();
    expect((await call(app, 'GET', '/api/files/f/stats')).json).toMatchObject({
      status: 'processing',
      progress: { total: 11, processed: 10 },
      batches: { total: 2, completed: 1 },
    });
  });

  test('of one batch has its id for a request, and an update that came first is not lost', async () => {
    const server = await standIn(always(200, { batchId: 'b1', status: 'processing', results: null }));
    const app = await start(server);
    const held = { ...complete('b1', [result('a@x')]), isComplete: false, totalEmails: 3 };
    expect((await call(app, 'POST', '/api/updates', held)).json.outcome).toBe('held');
    const leftOut = { listId: null, column: null, repeats: null, flags: { check_mx: null }, replace: null };
    const { json } = await call(app, 'POST', PATH, { emails: ['a@x', 'b@x', 'c@x'], ...leftOut });
    expect(JSON.parse(server.seen[0]?.body ?? '').check_mx).toBe(true);
    expect(json).toMatchObject({ requestId: 'b1', batchIds: ['b1'], totalEmails: 3, status: 'processing' });
  });

  test('of one address is complete at once', async () => {
    const results = [result(SECRET)];
    const server = await standIn(
      always(200, { batchId: 'b1', status: 'completed', totalEmails: 1, results }),
    );
    const app = await start(server);
    const { status, json } = await call(app, 'POST', PATH, { emails: [SECRET] });
    expect([status, json.status]).toEqual([202, 'completed']);
    await app.announce();
    const file = (await call(app, 'GET', '/api/files/f')).json;
    expect(file).toMatchObject({
      stats: { status: 'completed' },
      emails: { emails: [{ email: SECRET, batchId: 'b1' }] },
    });
  });

  test('replaces the one before it only where that is said', async () => {
    let batch = 0;
    const server = await standIn((response) =>
      always(200, { batchId: `b${++batch}`, results: null })(response, server.seen[0] as never),
    );
    const app = await start(server);
    const again = async (more: object) => {
      const { status, json } = await call(app, 'POST', PATH, { emails: ['a', 'b'], ...more });
      return [status, json.code ?? json.batchIds];
    };
    expect(await again({})).toEqual([202, ['b1']]);
    expect(await again({})).toEqual([409, 'file_exists']);
    expect(await again({ replace: false })).toEqual([409, 'file_exists']);
    expect(server.seen).toHaveLength(1);
    expect(await again({ replace: true })).toEqual([202, ['b2']]);
    expect(
      (await call(app, 'GET', '/api/files/f/batches')).json.items.map(({ batchId }: Json) => batchId),
    ).toEqual(['b2']);
  });

  test('is submitted unchanged: nothing is trimmed, dropped or repaired but lone surrogates', async () => {
    const server = await standIn(always(200, { batchId: 'b1', results: null }));
    const app = await start(server);
    const emails = ['', ' a ', 'a', 'a', 'A', '\0', '\u202e', 'x'.repeat(100_000), '\ud800@x'];
    await call(app, 'POST', PATH, { emails, flags: null });
    expect(JSON.parse(server.seen[0]?.body ?? '').emails).toEqual([...emails.slice(0, -1), '\ufffd@x']);
  });
});

describe('nothing is registered', () => {
  const NONSENSE: [number, unknown, number, string][] = [
    [401, { detail: 'Invalid API key' }, 502, 'validator_unavailable'],
    [422, { detail: [{ input: SECRET }] }, 502, 'validator_unavailable'],
    [500, SECRET, 502, 'validator_unavailable'],
    [200, { emails: [SECRET] }, 502, 'validator_unavailable'],
    [429, { error: 'Rate limit exceeded: 40 per 1 minute' }, 429, 'rate_limited'],
  ];
  test.each(NONSENSE)('when the validator answers %i', async (status, body, ours, code) => {
    const server = await standIn(always(status, body));
    const app = await start(server);
    const answer = await call(app, 'POST', PATH, { emails: [SECRET] });
    expect([answer.status, answer.json.code]).toEqual([ours, code]);
    expect(answer.headers.get('retry-after')).toBe(ours === 429 ? '60' : null);
    expect(answer.text + app.log.join('')).not.toContain(SECRET);
    expect(server.seen).toHaveLength(1);
    expect((await call(app, 'GET', '/api/files/f')).status).toBe(404);
  });

  test('when its only result is larger than an update may be', async () => {
    const large = [result(`${'x'.repeat(900)}@x`)];
    const server = await standIn(always(200, { batchId: 'b1', status: 'completed', results: large }));
    const app = await startApp({ validator: validatorAt(server), config: { MAX_UPDATE_BYTES: 1024 } });
    expect((await call(app, 'POST', PATH, { emails: ['a'] })).json.code).toBe('payload_too_large');
    expect((await call(app, 'GET', '/api/files/f')).status).toBe(404);
  });

  test('when the gateway is not ready: it is not submitted either', async () => {
    const server = await standIn(always(200, { batchId: 'b1', results: null }));
    const app = await startApp({ validator: validatorAt(server), readiness: () => ['draining'] });
    const answer = await call(app, 'POST', PATH, { emails: ['a'] });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(server.seen).toEqual([]);
  });

  test("when the validator names another file's batch", async () => {
    const server = await standIn(always(200, { batchId: 'b1', results: null }));
    const app = await start(server);
    await call(app, 'POST', '/api/files/g/batches', { batches: [{ batchId: 'b1' }] });
    expect((await call(app, 'POST', PATH, { emails: ['a'] })).json.code).toBe('validator_unavailable');
    expect((await call(app, 'GET', '/api/files/f')).status).toBe(404);
  });
});

test('a store that is away for a moment does not lose what the validator has accepted', async () => {
  const server = await standIn(always(200, { batchId: 'b1', status: 'completed', results: [result('a@x')] }));
  const app = await start(server);
  const { intake } = app.deps;
  const { register, update } = intake;
  let refusals = 0;
  const flaky =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (refusals++ % 2 === 0) throw new Fault('unavailable');
      return call.apply(intake, args);
    };
  Object.assign(intake, { register: flaky(register), update: flaky(update) });
  const { status, json } = await call(app, 'POST', PATH, { emails: ['a@x'] });
  expect([status, json.status, refusals]).toEqual([202, 'completed', 4]);
  expect(server.seen).toHaveLength(1);
});
