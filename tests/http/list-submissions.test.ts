import { describe, expect, test } from '@jest/globals';
import { readList } from '../lists/reading.js';
import { retry } from '../support/wait.js';
import { type StandIn, standIn, validatorAt } from '../validator/stand-in.js';
import { answerOf, call, complete, type Json, result, startApp, type TestApp } from './harness.js';
import { readCsv } from './rfc4180.js';

const PATH = '/api/files/f/validations';
const IMPATIENT = { VALIDATOR_TIMEOUT_MS: 500, VALIDATOR_MAX_FAILURES: 1000, VALIDATOR_PAUSE_MS: 10 };

/** A validator that accepts as many addresses as it gets, each slice as a request of its own. */
interface Accepting extends StandIn {
  /** What it answers next instead of accepting: a status, or a cut. */
  readonly script: (number | 'cut' | 'accept, then cut')[];
  /** Each list that it has accepted. */
  readonly accepted: string[][];
}

async function accepting(): Promise<Accepting> {
  const script: Accepting['script'] = [];
  const accepted: string[][] = [];
  const server = await standIn((response, { body }) => {
    const { emails } = JSON.parse(body) as { emails: string[] };
    const next = script.shift();
    if (next === 'cut') return void response.destroy();
    if (typeof next === 'number') return void response.writeHead(next).end('{}');
    const number = accepted.push(emails);
    if (next === 'accept, then cut') return void response.destroy();
    const batchIds = [`r${number}-b1`, `r${number}-b2`];
    const answer =
      emails.length === 1
        ? { batchId: batchIds[0], status: 'completed', results: emails.map((email) => result(email)) }
        : emails.length < 4
          ? { batchId: batchIds[0], results: null }
          : { requestId: `r${number}`, batchIds };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  return { ...server, script, accepted };
}

async function start(config: Record<string, number> = {}): Promise<TestApp & { validator: Accepting }> {
  const validator = await accepting();
  return { ...(await startApp({ validator: validatorAt(validator, IMPATIENT), config })), validator };
}

const emailsOf = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `u${from + i}@x.com`);

/** Uploads rows as CSV, and answers with the list's id. */
async function upload(app: TestApp, rows: readonly string[]): Promise<string> {
  const answer = await call(app, 'POST', '/api/lists?name=a.csv', rows.join('\n'));
  expect(answer.status).toBe(201);
  return answer.json.listId;
}

const statsOf = async (app: TestApp): Promise<Json> => (await call(app, 'GET', '/api/files/f/stats')).json;

const settled = (app: TestApp, submission: Record<string, unknown>) =>
  retry(async () => expect((await statsOf(app)).submission).toMatchObject(submission));

describe('a list', () => {
  test('goes in slices and in order, as one request whose total is known from the start', async () => {
    const app = await start();
    const listId = await upload(app, ['E-Mail;Name', ...emailsOf(25).map((email) => `${email};n`)]);
    const { status, json } = await call(app, 'POST', PATH, { listId, flags: { check_smtp: false } });
    expect(status).toBe(202);
    expect(json).toEqual({
      fileId: 'f',
      requestId: expect.any(String),
      batchIds: expect.arrayContaining(['r1-b1', 'r1-b2']),
      totalEmails: 25,
      repeats: 0,
      status: 'pending',
      submission: { total: 25, submitted: expect.any(Number), uncertain: 0, error: null },
    });
    await settled(app, { total: 25, submitted: 25, uncertain: 0, error: null });
    expect(app.validator.accepted).toEqual([emailsOf(10), emailsOf(10, 10), emailsOf(5, 20)]);
    expect(JSON.parse(app.validator.seen[0]?.body ?? '')).toMatchObject({
      check_smtp: false,
      check_mx: true,
    });
    expect(await statsOf(app)).toMatchObject({
      status: 'pending',
      progress: { total: 25, processed: 0 },
      batches: { total: 6 },
    });
    expect((await app.deps.store.files.find('f'))?.requestId).toBe(json.requestId);
    expect((await app.deps.store.lists.ofFile('f'))?.listId).toBe(listId);
  });

  test('is not completed before its last slice is in, though all that is known of it has ended', async () => {
    const app = await start();
    const listId = await upload(app, emailsOf(15));
    // The second slice is refused for a while.
    const { script, accepted } = app.validator;
    const refusals = setInterval(() => {
      if (accepted.length === 1 && script.length < 3) script.push(429);
    }, 1);
    await call(app, 'POST', PATH, { listId });
    await settled(app, { submitted: 10, error: 'rate_limited' });
    for (const batchId of ['r1-b1', 'r1-b2'])
      await call(
        app,
        'POST',
        '/api/updates',
        complete(
          batchId,
          emailsOf(5).map((email) => result(email)),
        ),
      );
    await app.announce();
    expect(await statsOf(app)).toMatchObject({
      status: 'processing',
      progress: { total: 15, processed: 10, percentage: 66 },
      batches: { total: 2, completed: 2 },
      completedAt: null,
    });
    clearInterval(refusals);
    script.length = 0;
    await settled(app, { submitted: 15, error: null });
    for (const batchId of ['r2-b1', 'r2-b2'])
      await call(
        app,
        'POST',
        '/api/updates',
        complete(
          batchId,
          emailsOf(batchId === 'r2-b1' ? 3 : 2).map((email) => result(email)),
        ),
      );
    await app.announce();
    expect(await statsOf(app)).toMatchObject({
      status: 'completed',
      progress: { total: 15, percentage: 100 },
    });
    expect(accepted).toEqual([emailsOf(10), emailsOf(5, 10)]);
  });

  test('has each address checked once, or each time', async () => {
    const app = await start();
    const rows = ['a@x.com', 'b@x.com', 'A@X.com', 'not an address', 'b@x.com', 'c@x.com'].map(
      (cell) => `"${cell}",1`,
    );
    const dropped = await call(app, 'POST', PATH, { listId: await upload(app, rows) });
    expect(dropped.json).toMatchObject({ totalEmails: 4, repeats: 2 });
    await settled(app, { submitted: 4 });
    expect(app.validator.accepted.at(-1)).toEqual(['a@x.com', 'b@x.com', 'not an address', 'c@x.com']);
    const body = { listId: await upload(app, rows), repeats: 'keep', replace: true };
    expect((await call(app, 'POST', PATH, body)).json).toMatchObject({ totalEmails: 6, repeats: 2 });
    await settled(app, { submitted: 6 });
    expect(app.validator.accepted.at(-1)).toEqual([
      'a@x.com',
      'b@x.com',
      'A@X.com',
      'not an address',
      'b@x.com',
      'c@x.com',
    ]);
  });

  test('of one address is complete at once', async () => {
    const app = await start();
    const listId = await upload(app, ['E-Mail', 'only@x.com']);
    expect((await call(app, 'POST', PATH, { listId })).json).toMatchObject({
      totalEmails: 1,
      status: 'completed',
      submission: { total: 1, submitted: 1 },
    });
  });

  test('under a key is submitted once, also while it is under way', async () => {
    const app = await start();
    const listId = await upload(app, emailsOf(12));
    const submit = async (more: object = {}) =>
      answerOf(
        await fetch(`${app.url}${PATH}`, {
          method: 'POST',
          headers: { 'Idempotency-Key': 'k' },
          body: JSON.stringify({ listId, ...more }),
        }),
      );
    const first = await submit();
    const again = await submit();
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    expect(again.json.requestId).toBe(first.json.requestId);
    expect((await submit({ repeats: 'keep' })).json.errors[0].field).toBe('Idempotency-Key');
    await settled(app, { submitted: 12 });
    expect(app.validator.seen).toHaveLength(2);
  });
});

describe('a list is refused', () => {
  test('where there is none, or it is told wrongly', async () => {
    const app = await start();
    const two = await upload(app, ['One;Name;Two', 'a@x.com;n;b@x.com', 'c@x.com;n;d@x.com']);
    const refused = async (body: object) => {
      const { status, json } = await call(app, 'POST', PATH, body);
      return [status, json.code, json.errors?.[0]?.field];
    };
    expect(await refused({ listId: 'none' })).toEqual([404, 'list_not_found', undefined]);
    expect(await refused({ listId: two })).toEqual([400, 'invalid_request', 'column']);
    expect(await refused({ listId: two, column: 3 })).toEqual([400, 'invalid_request', 'column']);
    expect(await refused({ listId: two, column: -1 })).toEqual([400, 'invalid_request', 'column']);
    expect(await refused({ listId: two, emails: ['a'] })).toEqual([400, 'invalid_request', 'listId']);
    expect(await refused({})).toEqual([400, 'invalid_request', 'emails']);
    expect(await refused({ listId: two, repeats: 'all' })).toEqual([400, 'invalid_request', 'repeats']);
    expect((await call(app, 'GET', '/api/files/f')).status).toBe(404);
    expect(app.validator.seen).toEqual([]);
    // Nothing of all this is in the way of the right one.
    expect((await call(app, 'POST', PATH, { listId: two, column: 2 })).status).toBe(202);
    await settled(app, { submitted: 2 });
    expect(app.validator.accepted).toEqual([['b@x.com', 'd@x.com']]);
    expect(await refused({ listId: two, column: 2, replace: true })).toEqual([
      400,
      'invalid_request',
      'listId',
    ]);
    const other = await upload(app, emailsOf(2));
    expect(await refused({ listId: other })).toEqual([409, 'file_exists', undefined]);
  });
});

test('a list that is submitted for several files at once is one file’s', async () => {
  const app = await start();
  const listId = await upload(app, emailsOf(5));
  const paths = ['a', 'b', 'c', 'd'].map((fileId) => `/api/files/${fileId}/validations`);
  const answers = await Promise.all(paths.map((path) => call(app, 'POST', path, { listId })));
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 400, 400, 400]);
  const [refused] = answers.filter(({ status }) => status === 400);
  expect(refused?.json.errors).toEqual([expect.objectContaining({ field: 'listId' })]);
  const { fileId } = answers.find(({ status }) => status === 202)?.json ?? {};
  expect((await app.deps.store.lists.ofFile(fileId))?.listId).toBe(listId);
  expect(app.validator.accepted).toEqual([emailsOf(5)]);
});

describe('a validator', () => {
  const outcomes = async (script: Accepting['script'], count = 25) => {
    const app = await start();
    app.validator.script.push(...script);
    const { status } = await call(app, 'POST', PATH, { listId: await upload(app, emailsOf(count)) });
    expect(status).toBe(202);
    return app;
  };

  test.each([[[429]], [[503, 503]], [[429, 503, 429]]])(
    'that refuses slices for now (%j) gets them later, each once',
    async (script) => {
      const app = await outcomes(script);
      await settled(app, { total: 25, submitted: 25, uncertain: 0, error: null });
      expect(app.validator.accepted).toEqual([emailsOf(10), emailsOf(10, 10), emailsOf(5, 20)]);
    },
  );

  test.each(['cut', 'accept, then cut', 500, 504] as const)(
    'whose answer is lost (%s) gets that slice again on request only, and the later ones at once',
    async (loss) => {
      const app = await outcomes([loss]);
      await settled(app, { total: 25, submitted: 15, uncertain: 10, error: null });
      const { accepted } = app.validator;
      const before = loss === 'accept, then cut' ? [emailsOf(10)] : [];
      expect(accepted).toEqual([...before, emailsOf(10, 10), emailsOf(5, 20)]);
      const { status, json } = await call(app, 'POST', `${PATH}/retry`);
      expect([status, json.fileId]).toEqual([202, 'f']);
      expect(json.submission).toMatchObject({ total: 25, submitted: 15, uncertain: 0 });
      await settled(app, { submitted: 25, uncertain: 0, error: null });
      expect(accepted.at(-1)).toEqual(emailsOf(10));
      await retry(async () =>
        expect((await call(app, 'POST', `${PATH}/retry`)).json.code).toBe('nothing_to_retry'),
      );
    },
  );

  test('that refuses our key stops the list, which goes on when that is mended and said', async () => {
    const app = await outcomes([401]);
    await settled(app, { submitted: 0, error: 'validator_refused' });
    expect(app.validator.seen).toHaveLength(1);
    expect((await call(app, 'POST', `${PATH}/retry`)).status).toBe(202);
    await settled(app, { submitted: 25, error: null });
    expect(app.validator.seen).toHaveLength(4);
  });

  test('gets nothing more of a file that is deleted, or replaced', async () => {
    for (const end of ['DELETE', 'replace'] as const) {
      const app = await outcomes([429, 429, 429, 429, 429, 429]);
      if (end === 'DELETE') expect((await call(app, 'DELETE', '/api/files/f')).status).toBe(204);
      else
        await call(app, 'POST', '/api/files/f/batches', {
          requestId: 'another',
          batches: [{ batchId: 'x' }],
        });
      app.validator.script.length = 0;
      const { submissions } = app.deps.store;
      await retry(async () => expect(await submissions.take({ owner: 'test', ms: 1 })).toBeNull());
      expect(await submissions.ofFile('f')).toBeNull();
      expect(app.validator.accepted).toEqual([]);
      expect((await call(app, 'POST', `${PATH}/retry`)).status).toBe(404);
    }
  });
});

test('there is nothing to retry of a file that is not there, or was no list', async () => {
  const app = await start();
  expect((await call(app, 'POST', `${PATH}/retry`)).json.code).toBe('file_not_found');
  await call(app, 'POST', PATH, { emails: ['a', 'b'] });
  expect((await call(app, 'POST', `${PATH}/retry`)).status).toBe(404);
});

/** How a sheet shows what CSV writes as `true`. */
const asInSheet = (cell: string): string => cell.replace(/^(true|false)$/, (word) => word.toUpperCase());

describe('layout=original', () => {
  const ROWS = [
    'Name;E-Mail;Note',
    'Ann;Jane@x.com;=1+1',
    ';;only a note',
    '"Lee; Ann";<joe@x.com>;"said ""no"""',
    'Bob;JANE@X.COM;again',
    'Cem;nobody',
    'Dora;last@x.com;\u00fc',
  ];
  const verdict = (email: string) => {
    if (email.startsWith('Jane')) return result(email, { deliverability_score: 99.5 });
    const details = { general: {}, sub_status: email.includes('@') ? 'Timeout' : 'Invalid Email' };
    const status = email.includes('@') ? 'unknown' : 'undeliverable';
    return result(email, { status, risk_level: 'high', deliverability_score: 0, details });
  };

  async function submitted() {
    const app = await start();
    const answer = await call(app, 'POST', '/api/lists?name=Kunden%20%C3%BC.csv', ROWS.join('\n'));
    const { listId } = answer.json;
    expect((await call(app, 'POST', PATH, { listId, column: 1 })).status).toBe(202);
    await settled(app, { total: 4, submitted: 4 });
    expect(app.validator.accepted).toEqual([['Jane@x.com', 'joe@x.com', 'nobody', 'last@x.com']]);
    return { app };
  }
  const original = async (app: TestApp, query = '') => {
    const answer = await call(app, 'GET', `/api/files/f/export?layout=original${query}`);
    return {
      ...answer,
      rows: answer.text
        .replace(/^\ufeff/, '')
        .split('\r\n')
        .slice(0, -1),
    };
  };

  test('gives back the rows as they came, each with the verdict on its address', async () => {
    const { app } = await submitted();
    const answers = ['Jane@x.com', 'joe@x.com', 'nobody', 'last@x.com'].map(verdict);
    expect((await original(app)).rows[1]).toBe('Ann;Jane@x.com;=1+1;;;;');
    // One result is missing in the middle: the verdicts behind it stay where they belong.
    const known = [answers[0], answers[2], answers[3]];
    await call(app, 'POST', '/api/updates', { ...complete('r1-b1', known), totalEmails: 4 });
    const { rows, headers } = await original(app);
    expect(headers.get('content-disposition')).toContain("filename*=UTF-8''Kunden%20%C3%BC.csv");
    expect(rows).toEqual([
      'Name;E-Mail;Note;verdict;reason;risk;score',
      'Ann;Jane@x.com;=1+1;deliverable;;low;99.5',
      ';;only a note;;;;',
      '"Lee; Ann";<joe@x.com>;"said ""no""";;;;',
      'Bob;JANE@X.COM;again;deliverable;;low;99.5',
      'Cem;nobody;;undeliverable;invalid_email;high;0',
      'Dora;last@x.com;ü;unknown;timeout;high;0',
    ]);
    const filtered = await original(app, '&status=deliverable,unknown&bom=1');
    const raw = await fetch(`${app.url}/api/files/f/export?layout=original&bom=1`);
    expect(
      Buffer.from(await raw.arrayBuffer())
        .subarray(0, 3)
        .toString('hex'),
    ).toBe('efbbbf');
    expect(filtered.rows).toEqual([rows[0], rows[1], rows[4], rows[6]]);
    expect((await original(app, '&email=jane')).rows).toEqual([rows[0], rows[1], rows[4]]);
    expect((await original(app, '&email=@x&reason=timeout')).rows).toEqual([rows[0], rows[6]]);
    // What is left is a list again: without verdicts, and without the rows that have no address.
    const left = await call(app, 'GET', '/api/files/f/export?layout=unanswered');
    expect(left.text).toBe('Name;E-Mail;Note\r\n"Lee; Ann";<joe@x.com>;"said ""no"""\r\n');
    expect(left.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    const refused = await call(app, 'GET', '/api/files/f/export?layout=unanswered&status=unknown');
    expect([refused.status, refused.json.errors[0].field]).toEqual([400, 'layout']);
    const [, first] = readCsv((await call(app, 'GET', '/api/files/f/export')).text);
    expect(first?.[0]).toBe('Jane@x.com');
  });

  test('comes as a workbook too, with the same cells', async () => {
    const { app } = await submitted();
    const answers = ['Jane@x.com', 'joe@x.com', 'nobody', 'last@x.com'].map(verdict);
    await call(app, 'POST', '/api/updates', complete('r1-b1', answers));
    const workbook = async (query: string) => {
      const response = await fetch(`${app.url}/api/files/f/export?format=xlsx${query}`);
      expect(response.headers.get('content-type')).toContain('spreadsheetml.sheet');
      expect(response.headers.get('content-disposition')).toContain('%C3%BC');
      const { header, rows } = await readList(Buffer.from(await response.arrayBuffer()));
      return [header, ...rows];
    };
    // As in CSV; the cells behind the last one that is filled are not written.
    const cellsOf = (text: string) =>
      readCsv(text).map((row) => row.slice(0, row.findLastIndex((cell) => cell !== '') + 1));
    const csv = async (query: string) =>
      cellsOf((await call(app, 'GET', `/api/files/f/export?escape=none${query}`)).text);
    expect(await workbook('')).toEqual((await csv('')).map((row) => row.map(asInSheet)));
    const { rows } = await original(app);
    expect(await workbook('&layout=original')).toEqual(
      cellsOf(`${rows.map((row) => row.replaceAll(';', ',').replace('Lee, ', 'Lee; ')).join('\r\n')}\r\n`),
    );
    expect(await workbook('&layout=original&status=unknown')).toHaveLength(3);
  });

  test('is for files that come from a list, as CSV or a workbook', async () => {
    const app = await start();
    await call(app, 'POST', '/api/updates', complete('b', [result('a@x')], { fileId: 'f' }));
    for (const query of ['layout=original', 'layout=original&format=ndjson', 'layout=mine']) {
      const { status, json } = await call(app, 'GET', `/api/files/f/export?${query}`);
      expect([status, json.code, json.errors[0].field]).toEqual([400, 'invalid_request', 'layout']);
    }
    expect((await call(app, 'GET', '/api/files/none/export?layout=original')).json.code).toBe(
      'file_not_found',
    );
  });
});
