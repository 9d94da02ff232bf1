import { EventEmitter, once } from 'node:events';
import { request, type ServerResponse } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { Fault } from '../../src/errors.js';
import { createLogger } from '../../src/logger.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { always, type StandIn, standIn, validatorAt } from '../validator/stand-in.js';
import { type Answer, answerOf, call, type Json, startApp } from './harness.js';

/** Takes the validator for away after two failures. */
const impatient = (server: StandIn) => validatorAt(server, { VALIDATOR_MAX_FAILURES: 2 });

const EMAILS = ['a@x', 'b@x', 'a@x', 'a@x', 'A@x', ' a@x'];

const submit = async (
  { url }: { url: string },
  key: string | null,
  { fileId = 'f', ...body }: Record<string, unknown> = {},
): Promise<Answer> =>
  answerOf(
    await fetch(`${url}/api/files/${String(fileId)}/validations`, {
      method: 'POST',
      headers: key === null ? {} : { 'Idempotency-Key': key },
      body: JSON.stringify({ emails: EMAILS, replace: true, ...body }),
    }),
  );

/** A validator that gives each list a batch of its own, `b1` on. */
async function counting(): Promise<StandIn> {
  let batch = 0;
  return standIn((response, seen) => always(200, { batchId: `b${++batch}`, results: null })(response, seen));
}

describe('a submission under a key', () => {
  test('is carried out once, and its repetitions are answered alike', async () => {
    const server = await counting();
    const app = await startApp({ validator: impatient(server) });
    const first = await submit(app, 'key 1');
    expect([first.status, first.json.repeats, first.headers.get('idempotency-replayed')]).toEqual([
      202,
      2,
      null,
    ]);
    const again = await submit(app, 'key 1', { flags: null });
    expect([again.status, again.text]).toEqual([202, first.text]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(server.seen).toHaveLength(1);
    // Another key, another file, or none: each is a submission of its own.
    const batches = [
      submit(app, 'key 2'),
      submit(app, 'key 1', { fileId: 'g' }),
      submit(app, null),
      submit(app, null),
    ];
    const ids = (await Promise.all(batches)).map(({ json }) => json.batchIds[0]);
    expect(new Set([...ids, first.json.batchIds[0]]).size).toBe(5);
  });

  test('twice at once is one submission', async () => {
    const opening = new EventEmitter();
    const opened = once(opening, 'open');
    const server = await standIn((response, seen) => {
      void opened.then(() => always(200, { batchId: 'b1', results: null })(response, seen));
    });
    const app = await startApp({ validator: impatient(server) });
    const there = server.next();
    const first = submit(app, 'k');
    await there;
    const second = submit(app, 'k');
    // Another list under the key that is under way is refused before there is an answer.
    expect((await submit(app, 'k', { emails: ['other@x'] })).json.code).toBe('invalid_request');
    opening.emit('open');
    const answers = await Promise.all([first, second]);
    expect(answers.map(({ text }) => text)).toEqual([answers[0]?.text, answers[0]?.text]);
    expect(server.seen).toHaveLength(1);
  });

  test('with another list or other flags is refused, naming the header', async () => {
    const server = await counting();
    const app = await startApp({ validator: impatient(server) });
    await submit(app, 'k');
    for (const body of [
      { emails: ['b@x'] },
      { flags: { check_smtp: false } },
      { emails: [...EMAILS].reverse() },
    ]) {
      const { status, json } = await submit(app, 'k', body);
      expect([status, json.code, json.errors]).toEqual([
        400,
        'invalid_request',
        [{ field: 'Idempotency-Key', message: expect.any(String) }],
      ]);
    }
    expect(server.seen).toHaveLength(1);
  });

  test('that came to nothing may be repeated', async () => {
    let status = 429;
    const server = await standIn((response, seen) =>
      always(status, { batchId: 'b1', results: null })(response, seen),
    );
    const app = await startApp({ validator: impatient(server) });
    for (status of [429, 503, 401]) expect((await submit(app, 'k')).status).toBeGreaterThan(400);
    status = 200;
    expect((await submit(app, 'k')).json.batchIds).toEqual(['b1']);
    expect((await submit(app, 'k')).json.batchIds).toEqual(['b1']);
    expect(server.seen).toHaveLength(4);
  });

  test('that another gateway is at is answered with 503, and when to come back', async () => {
    const server = await counting();
    const app = await startApp({ validator: impatient(server) });
    Object.assign(app.deps.store.submissions, { claim: async () => ({ state: 'in_progress' }) });
    const { status, json, headers } = await submit(app, 'k');
    expect([status, json.code, headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
    expect(server.seen).toEqual([]);
  });

  test('that cannot be written down is not made', async () => {
    const server = await counting();
    const app = await startApp({ validator: impatient(server) });
    const away = async () => {
      throw new Fault('unavailable');
    };
    Object.assign(app.deps.store.submissions, { claim: away });
    expect((await submit(app, 'another')).status).toBe(503);
    expect(server.seen).toHaveLength(0);
  });

  test.each(['accept', 'advance'] as const)(
    'once accepted is registered and answered, however often the store fails to %s',
    async (step) => {
      const server = await counting();
      const app = await startApp({ validator: impatient(server) });
      const { submissions } = app.deps.store;
      const real = submissions[step].bind(submissions) as (...args: unknown[]) => Promise<unknown>;
      let failures = 3;
      const flaky = async (...args: unknown[]) => {
        if (failures-- > 0) throw new Fault('unavailable');
        return real(...args);
      };
      Object.assign(submissions, { [step]: flaky });
      const first = await submit(app, 'k');
      expect([first.status, failures < 0]).toEqual([202, true]);
      expect((await submit(app, 'k')).text).toBe(first.text);
      expect(server.seen).toHaveLength(1);
    },
  );

  test.each([
    ['was lost', (response: ServerResponse) => void response.destroy()],
    ['was an error of the validator, which may have queued some', always(500, {})],
    ['was nonsense', always(200, {})],
  ])('whose answer %s is not made again under its key', async (_, respond) => {
    let isBroken = true;
    const server = await standIn((response, seen) =>
      isBroken ? respond(response, seen) : always(200, { batchId: 'b2', results: null })(response, seen),
    );
    const app = await startApp({ validator: impatient(server) });
    expect((await submit(app, 'k')).status).toBe(502);
    isBroken = false;
    const again = await submit(app, 'k');
    expect([again.status, again.json.code]).toEqual([502, 'validator_unavailable']);
    expect(server.seen).toHaveLength(1);
    // The caller decides that it wants it made, and says so by another key.
    expect((await submit(app, 'another')).json.batchIds).toEqual(['b2']);
  });

  test('is remembered over a restart, and until its file is deleted', async () => {
    const server = await counting();
    const directory = temporaryDirectory();
    const opened = async () => {
      const { store } = await createEngine(readConfig({ DATA_DIR: directory }), createLogger('silent'));
      const app = await startApp({ validator: impatient(server), store });
      return { app, store };
    };
    const before = await opened();
    const first = await submit(before.app, 'k');
    await before.store.close();
    const { app, store } = await opened();
    onTeardown(() => store.close());
    expect((await submit(app, 'k')).text).toBe(first.text);
    await store.files.remove('f');
    expect((await submit(app, 'k')).json.batchIds).not.toEqual(first.json.batchIds);
  });

  test.each([202, 413])(
    'of one address keeps none of its result once it is answered with %i',
    async (expected) => {
      const large = 'x'.repeat(expected === 202 ? 1 : 900);
      const results = [{ email: `secret-${large}@x`, status: 'deliverable' }];
      const server = await standIn(
        always(200, { batchId: 'b1', status: 'completed', totalEmails: 1, results }),
      );
      const app = await startApp({ validator: impatient(server), config: { MAX_UPDATE_BYTES: 1024 } });
      const { submissions } = app.deps.store;
      const { accept } = submissions;
      const kept: string[] = [];
      submissions.accept = (id, ...args) => {
        kept.push(id, args[2]);
        return accept.call(submissions, id, ...args);
      };
      const first = await submit(app, 'k', { emails: ['a@x'] });
      expect(first.status).toBe(expected);
      const [id = '', acceptance] = kept;
      expect(acceptance).toContain('secret');
      const slices = await submissions.slices(id);
      expect(slices).toHaveLength(1);
      expect(JSON.stringify(slices)).not.toContain('secret');
      // Nor is it submitted again.
      expect((await submit(app, 'k', { emails: ['a@x'] })).status).toBe(expected === 202 ? 202 : 502);
      expect(server.seen).toHaveLength(1);
    },
  );

  test.each(['', 'x'.repeat(256), 'ключ', 'é'])('is refused where the key is %j', async (key) => {
    const app = await startApp({ validator: impatient(await counting()) });
    const given = Buffer.from(key).toString('latin1');
    const { status, json } = await submit(app, given);
    expect([status, json.errors?.[0]?.field]).toEqual([400, 'Idempotency-Key']);
  });

  test('is refused before its list is looked at, where the key is given twice', async () => {
    const app = await startApp({ validator: impatient(await counting()) });
    const headers: [string, string][] = [
      ['Idempotency-Key', 'a'],
      ['Idempotency-Key', 'b'],
    ];
    // What `fetch` joins with a comma is one key.
    const joined = await fetch(`${app.url}/api/files/f/validations`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ emails: EMAILS }),
    });
    expect(joined.status).toBe(202);
    const { status, errors } = await twoHeaders(app.url);
    expect([status, errors]).toEqual([400, [{ field: 'Idempotency-Key', message: 'must be given once' }]]);
  });
});

async function twoHeaders(url: string): Promise<{ status: number | undefined; errors: Json }> {
  return new Promise((resolve, reject) => {
    const req = request(`${url}/api/files/f/validations`, { method: 'POST' }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode, errors: JSON.parse(text).errors }));
    });
    req.on('error', reject);
    req.setHeader('Idempotency-Key', ['a', 'b']);
    req.end(JSON.stringify({ emails: EMAILS }));
  });
}

describe('a validator that is down', () => {
  test('is left alone after some failures: 502 at once, and when to come back', async () => {
    const server = await standIn((response) => void response.destroy());
    const app = await startApp({ validator: impatient(server) });
    for (let i = 0; i < 2; i++) {
      const { status, headers } = await submit(app, null);
      expect([status, headers.get('retry-after')]).toEqual([502, null]);
    }
    const { status, json, headers } = await submit(app, null);
    expect([status, json.code]).toEqual([502, 'validator_unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(5);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(10);
    expect(server.seen).toHaveLength(2);
  });

  test('is not taken for one that answers with errors', async () => {
    const server = await standIn(always(500, { detail: 'Failed to queue validation request' }));
    const app = await startApp({ validator: impatient(server) });
    for (let i = 0; i < 5; i++) await submit(app, null);
    expect(server.seen).toHaveLength(5);
  });
});

test('a list of as many addresses as there may be goes through without holding up the others', async () => {
  const server = await counting();
  const config = { MAX_EMAILS_PER_VALIDATION: 100_000, MAX_BODY_BYTES: 16 * 1024 * 1024 };
  const app = await startApp({ validator: impatient(server), config });
  const emails = Array.from({ length: 100_000 }, (_, i) => `someone.number${i % 99_000}@example.com`);
  const { status, json } = await submit(app, 'k', { emails });
  expect([status, json.totalEmails, json.repeats]).toEqual([202, 100_000, 1_000]);
  expect(JSON.parse(server.seen[0]?.body ?? '').emails).toEqual(emails);
  const oneMore = await submit(app, null, { emails: [...emails, 'a'] });
  expect([oneMore.status, oneMore.json.errors]).toEqual([
    400,
    [{ field: 'emails', message: 'must have at most 100000 entries' }],
  ]);
  expect(server.seen).toHaveLength(1);
});

test('addresses of megabytes are submitted unchanged', async () => {
  const server = await counting();
  const app = await startApp({ validator: impatient(server), config: { MAX_BODY_BYTES: 8 * 1024 * 1024 } });
  const emails = ['x'.repeat(3_000_000), 'é'.repeat(1_000_000)];
  expect((await submit(app, 'k', { emails })).status).toBe(202);
  expect(JSON.parse(server.seen[0]?.body ?? '').emails).toEqual(emails);
});

test('entries that are no text are named, the first few of them', async () => {
  const app = await startApp({ validator: impatient(await counting()) });
  const { status, json } = await submit(app, null, { emails: Array(900).fill(7) });
  expect([status, json.errors.length, json.errors[9]]).toEqual([
    400,
    10,
    { field: 'emails[9]', message: 'must be a string' },
  ]);
});

test('batches are listed by status, too', async () => {
  const app = await startApp({ validator: impatient(await counting()) });
  await call(app, 'POST', '/api/files/f/batches', {
    batches: [{ batchId: 'b1' }, { batchId: 'b2' }, { batchId: 'b3' }],
  });
  await call(app, 'POST', '/api/files/f/batches/b2/fail', { reason: 'no worker' });
  const listed = async (query: string) =>
    (await call(app, 'GET', `/api/files/f/batches?${query}`)).json.items?.map(({ batchId }: Json) => batchId);
  expect(await listed('status=failed')).toEqual(['b2']);
  expect(await listed('status=waiting')).toEqual(['b3', 'b1']);
  const { json } = await call(app, 'GET', '/api/files/f/batches?status=waiting&limit=1');
  expect(await listed(`status=waiting&limit=1&cursor=${json.nextCursor}`)).toEqual(['b1']);
  expect((await call(app, 'GET', '/api/files/f/batches?status=lost')).json.errors[0].field).toBe('status');
});

test('the snapshot says how the batches stand', async () => {
  const app = await startApp({ validator: impatient(await counting()) });
  await submit(app, null);
  const { batches } = (await call(app, 'GET', '/api/files/f')).json;
  const none = { count: 0, since: null };
  expect(batches).toEqual({
    waiting: { count: 1, since: expect.stringMatching(/Z$/) },
    running: none,
    stalled: none,
    completed: none,
    failed: none,
  });
});
