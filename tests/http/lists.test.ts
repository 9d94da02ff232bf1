import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { ListSummary } from '../../src/domain/list-summary.js';
import * as schemas from '../../src/http/docs/schemas.js';
import { addressIn } from '../../src/lists/address.js';
import { readRows } from '../../src/lists/read-rows.js';
import { eventually } from '../support/eventually.js';
import { textCell, workbook } from '../support/zip.js';
import { type Answer, answerOf, call, type Json, startApp, type TestApp } from './harness.js';

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../tests/fixtures/lists/${name}`, import.meta.url));
const EXPECTED = JSON.parse(fixture('expected.json').toString()) as Record<string, Json>;

const post = async (
  app: TestApp,
  body: string | Buffer,
  query = '',
  init: RequestInit = {},
): Promise<Answer> =>
  answerOf(await fetch(`${app.url}/api/lists${query}`, { method: 'POST', body: body as never, ...init }));

/** What is sent to the validator of a list. */
/** An upload of which the last piece is missing. `status`: of the answer, once it is ended. */
async function beginUpload(app: TestApp) {
  const before = await app.deps.store.lists.waiting(null);
  const req = request(`${app.url}/api/lists`, { method: 'POST', agent: false });
  const status = new Promise((resolve) => req.on('response', (res) => resolve(res.resume().statusCode)));
  req.write(CSV);
  await eventually('the upload has begun', async () => (await app.deps.store.lists.waiting(null)) > before);
  return { req, status };
}

async function addressesOf(app: TestApp, listId: string): Promise<string[]> {
  const { lists } = app.deps.store;
  const list = await lists.find(listId);
  const summary = list?.summary as ListSummary;
  const source = { size: list?.bytes ?? 0, read: (from?: number) => lists.read(listId, from) };
  const addresses: string[] = [];
  for await (const { rows } of readRows(source, summary, app.deps.config))
    addresses.push(...rows.map((row) => addressIn(row[summary.emailColumn ?? -1] ?? '')));
  return addresses.filter(Boolean);
}

/** Nothing is left, of an upload either. */
const expectNothingLeft = async (app: TestApp): Promise<void> =>
  expect(await app.deps.store.lists.waiting(null)).toBe(0);

const fieldsOf = ({ json }: Answer): string[] => json.errors?.map(({ field }: Json) => field);

it('reads lists of each kind', async () => {
  const app = await startApp();
  for (const [name, { addresses, refused, ...expected }] of Object.entries(EXPECTED)) {
    const { status, json } = await post(app, fixture(name), `?name=${name}`);
    if (refused === undefined) {
      expect([name, status, json]).toEqual([name, 201, expect.objectContaining({ name, ...expected })]);
      if (addresses !== undefined)
        expect([name, ...(await addressesOf(app, json.listId))]).toEqual([name, ...addresses]);
      await app.deps.store.lists.remove(json.listId);
    } else {
      const code = refused === 415 ? 'unsupported_list' : 'no_addresses';
      expect([name, status, json.code]).toEqual([name, refused, code]);
    }
    await expectNothingLeft(app);
  }
});

const CSV = 'E-Mail;Name\r\nann@example.com;Ann\r\nANN@example.com;\r\nplain;"x;y"\r\n;Bob\r\n';

describe('an uploaded list', () => {
  it('is described, described again, and deleted', async () => {
    const app = await startApp();
    const before = Date.now();
    const { status, json, headers } = await post(app, CSV, '?name=C%3A%5Cshop%2Fmy%20list.csv');
    expect(status).toBe(201);
    expect(schemas.uploadedList.strict().parse(json)).toEqual(json);
    const { listId, expiresAt, ...said } = json;
    expect(said).toEqual({
      name: 'my list.csv',
      format: 'csv',
      encoding: 'utf-8',
      delimiter: ';',
      header: true,
      columns: [
        { index: 0, name: 'E-Mail', addresses: 2 },
        { index: 1, name: 'Name', addresses: 0 },
      ],
      emailColumn: 0,
      rows: 4,
      unique: 2,
      repeats: 1,
      withoutAt: 1,
      sample: [
        ['E-Mail', 'Name'],
        ['ann@example.com', 'Ann'],
        ['ANN@example.com', ''],
        ['plain', 'x;y'],
        ['', 'Bob'],
      ],
    });
    expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(before + app.deps.listTtlMs);
    const path = `/api/lists/${listId}`;
    expect(headers.get('location')).toBe(path);
    expect((await call(app, 'GET', path)).json).toEqual(json);
    expect((await call(app, 'DELETE', path)).status).toBe(204);
    for (const method of ['GET', 'DELETE'])
      expect(await call(app, method, path)).toMatchObject({ status: 404, json: { code: 'list_not_found' } });
  });

  it('says what another column would send', async () => {
    const app = await startApp();
    const { json } = await post(
      app,
      'Email 1,Email 2\na@x.com,b@x.com\na@x.com,\nc@x.com,none\nd@x.com,d@x.com\n',
    );
    expect(json).toMatchObject({ emailColumn: null, unique: null, repeats: null, withoutAt: null });
    const of = async (column: string) => call(app, 'GET', `/api/lists/${json.listId}?column=${column}`);
    expect((await of('0')).json).toEqual({ ...json, unique: 3, repeats: 1, withoutAt: 0 });
    expect((await of('1')).json).toEqual({ ...json, unique: 3, repeats: 0, withoutAt: 1 });
    for (const wrong of ['2', '-1', 'x', '1.0', '']) expect(fieldsOf(await of(wrong))).toEqual(['column']);
  });

  it('cuts long cells in the sample, and takes them as they are otherwise', async () => {
    const app = await startApp();
    const long = `${'x'.repeat(5_000)}@example.com`;
    const { json } = await post(app, `email,n\nann@example.com,1\n${long},2\n`);
    expect(json.sample[2][0]).toBe('x'.repeat(200));
    expect(await addressesOf(app, json.listId)).toEqual(['ann@example.com', long]);
  });

  it('is left alone by DELETE where a file uses it', async () => {
    const app = await startApp();
    const { listId } = (await post(app, CSV)).json;
    const batches = [{ batchId: 'b' }];
    await call(app, 'POST', '/api/files/f/batches', { batches });
    expect(await app.deps.store.lists.attach(listId, 'f', null)).toBe(true);
    expect((await call(app, 'GET', `/api/lists/${listId}`)).json.expiresAt).toBeNull();
    expect(fieldsOf(await call(app, 'DELETE', `/api/lists/${listId}`))).toEqual(['listId']);
    await call(app, 'DELETE', '/api/files/f');
    expect((await call(app, 'GET', `/api/lists/${listId}`)).status).toBe(404);
  });

  it('is called what its file is called', async () => {
    const app = await startApp();
    for (const [query, name] of [
      ['', 'list'],
      ['?name=', 'list'],
      ['?name=..%2F..', 'list'],
      ['?name=%2Fetc%2Fpasswd', 'passwd'],
      ['?name=%E5%AE%A2%E6%88%B7.csv', '客户.csv'],
    ] as const)
      expect([query, (await post(app, CSV, query)).json.name]).toEqual([query, name]);
  });

  it('may not be called with control characters, twice, or with too many', async () => {
    const app = await startApp();
    for (const name of ['a%0Ab', 'a%00', 'a%E2%80%AEvsc.exe', 'x'.repeat(256), 'a&name=b'])
      expect(fieldsOf(await post(app, CSV, `?name=${name}`))).toEqual(['name']);
    await expectNothingLeft(app);
  });
});

describe('a list that is too much', () => {
  const refusals: [string, () => string | Buffer, number, string, string, Json?][] = [
    [
      'cell',
      () => `email,n\na@x.com,${'x'.repeat(10_001)}\n`,
      400,
      'rows[1][1]',
      'row 2, column 2.*MAX_LIST_CELL.*10000',
    ],
    [
      'entry',
      () => `a@x.com\n${'x'.repeat(500_000)}@x.com`,
      400,
      'rows[1][0]',
      'row 2, column 1.*MAX_LIST_CELL.*10000',
    ],
    [
      'row',
      () => `email,n\na@x.com,"${'x'.repeat(2_000_000)}"\n`,
      400,
      'rows[1]',
      'row 2.*MAX_LIST_ROW.*100000',
    ],
    [
      'number of cells',
      () => `email,n\na@x.com${',1'.repeat(100)}\n`,
      400,
      'rows[1]',
      'row 2.*101.*MAX_LIST_COLUMNS.*100',
    ],
    [
      'quoted cell without an end',
      () => 'email,n\na@x.com,1\nb@x.com,"x\nc@x.com,1\n',
      400,
      'rows[2]',
      'row 3.*quote',
    ],
    ['number of rows', () => 'a@x.com\n'.repeat(10_001), 413, 'body', 'MAX_LIST_ROWS.*10000'],
    [
      'cell of a workbook',
      () => workbook(`<row>${textCell('A1', 'x'.repeat(10_001))}</row>`),
      400,
      'rows[0][0]',
      'MAX_LIST_CELL',
    ],
    [
      'row of a workbook',
      () => workbook(`<row>${textCell('A1', 'a@x.com')}${textCell('XFD1', 'x')}</row>`),
      400,
      'rows[0]',
      'MAX_LIST_COLUMNS',
    ],
    [
      'workbook',
      () => workbook(Buffer.alloc(17 * 2 ** 20, ' ')),
      413,
      'body',
      'MAX_UNPACKED_BYTES.*16777216',
    ],
  ];
  it('names the limit, the row and the cell', async () => {
    const app = await startApp();
    for (const [what, body, status, field, message] of refusals) {
      const answer = await post(app, body());
      expect([what, answer.status, fieldsOf(answer)]).toEqual([what, status, [field]]);
      expect(answer.json.errors[0].message).toMatch(new RegExp(message));
      await expectNothingLeft(app);
    }
  });

  it('because it unpacks to more than it says', async () => {
    const app = await startApp();
    const answer = await post(app, workbook(Buffer.alloc(17 * 2 ** 20, ' '), 1_000));
    expect([answer.status, answer.json.code]).toEqual([415, 'unsupported_list']);
    await expectNothingLeft(app);
  });

  it('is refused before it is read where it says its size', async () => {
    const app = await startApp({ config: { MAX_LIST_BYTES: 10_000 } });
    const { answer, sent } = await sendSlowly(app, 10_001, { 'content-length': '10001' });
    expect(answer).toMatchObject({ status: 413, json: { code: 'payload_too_large' } });
    expect(answer.json.detail).toMatch(/MAX_LIST_BYTES.*10000/);
    expect(sent()).toBe(0);
    await expectNothingLeft(app);
  });

  it('is refused as soon as it is too large where it does not', async () => {
    const app = await startApp({ config: { MAX_LIST_BYTES: 1_000_000 } });
    const { answer, sent } = await sendSlowly(app, 100_000_000, {});
    expect(answer).toMatchObject({ status: 413, json: { code: 'payload_too_large' } });
    expect(sent()).toBeLessThan(90_000_000);
    await expectNothingLeft(app);
  });
});

/** Sends addresses until the gateway answers, or all of them. */
async function sendSlowly(app: TestApp, bytes: number, headers: Record<string, string>) {
  const line = Buffer.from('somebody@example.com\n'.repeat(500));
  let sent = 0;
  const req = request(`${app.url}/api/lists`, { method: 'POST', headers, agent: false });
  const answered = new Promise<Answer>((resolve, reject) => {
    req.on('error', reject);
    req.on('response', async (res) => {
      const text = (await res.toArray()).join('');
      resolve({ status: res.statusCode ?? 0, headers: new Headers(), text, json: JSON.parse(text) });
    });
  });
  req.flushHeaders();
  const isAnswered = answered.then(() => true);
  const pause = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 20));
  // A head that says enough is answered before a byte of the body is sent.
  let done = await Promise.race([
    isAnswered,
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500)),
  ]);
  while (!done && sent < bytes) {
    sent += line.length;
    if (!req.write(line)) done = await Promise.race([isAnswered, pause()]);
  }
  const answer = await answered;
  req.destroy();
  return { answer, sent: () => sent };
}

describe('an upload', () => {
  it('that stops half-way leaves nothing', async () => {
    const app = await startApp();
    const req = request(`${app.url}/api/lists`, { method: 'POST', agent: false });
    req.on('error', () => undefined);
    req.write('ann@example.com\n'.repeat(40_000));
    await eventually('the upload has begun', async () => (await app.deps.store.lists.waiting(null)) === 1);
    req.destroy();
    await eventually('nothing is left', async () => (await app.deps.store.lists.waiting(null)) === 0);
  });

  it('is refused where it is packed', async () => {
    const app = await startApp();
    const answer = await post(app, CSV, '', { headers: { 'content-encoding': 'gzip' } });
    expect(fieldsOf(answer)).toEqual(['content-encoding']);
  });

  it('waits while others are under way', async () => {
    const app = await startApp({ config: { MAX_UPLOADS: 1 } });
    const { req, status } = await beginUpload(app);
    const second = await post(app, CSV);
    expect(second).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    expect(second.json.detail).toContain('MAX_UPLOADS');
    expect(second.headers.get('retry-after')).toBe('5');
    req.end();
    expect(await status).toBe(201);
    expect((await post(app, CSV)).status).toBe(201);
  });

  it('leaves room for those of others', async () => {
    const app = await startApp({ config: { MAX_UPLOADS: 2, MAX_UPLOADS_PER_CALLER: 1 } });
    const { listId } = (await post(app, CSV)).json;
    const { req, status } = await beginUpload(app);
    // So does a count of another column, which reads the list, too.
    for (const second of [await post(app, CSV), await call(app, 'GET', `/api/lists/${listId}?column=1`)]) {
      expect(second).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
      expect(second.json.detail).toBe(
        'MAX_UPLOADS_PER_CALLER allows 1 uploads and counts of one caller at once',
      );
    }
    req.end();
    expect(await status).toBe(201);
  });

  it('is refused while the caller has too many lists that no file uses', async () => {
    const app = await startApp({ config: { MAX_WAITING_LISTS: 2 } });
    const [{ listId }] = [(await post(app, CSV)).json, await post(app, CSV)];
    const third = await post(app, CSV);
    expect(third).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    expect(third.json.detail).toContain('MAX_WAITING_LISTS');
    await call(app, 'DELETE', `/api/lists/${listId}`);
    expect((await post(app, CSV)).status).toBe(201);
  });

  it('is refused where another gateway has begun the last one meanwhile', async () => {
    const app = await startApp({ config: { MAX_WAITING_LISTS: 1 } });
    const { lists } = app.deps.store;
    const create = lists.create.bind(lists);
    Object.assign(lists, {
      create: async (list: Parameters<typeof create>[0]) => {
        await create({ ...list, listId: 'of the other gateway' });
        await create(list);
      },
    });
    expect((await post(app, CSV)).json.detail).toContain('MAX_WAITING_LISTS');
    expect(await lists.waiting(null)).toBe(1);
  });
});
