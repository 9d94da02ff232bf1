import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { Fault } from '../../src/errors.js';
import type { Store } from '../../src/store/store.js';
import { answerOf, call, type Json, result, seed, startApp, type TestApp } from './harness.js';
import { readCsv } from './rfc4180.js';

const ROW = { batchId: 'b', position: 0, json: JSON.stringify({ email: 'a'.repeat(1000), status: 'risky' }) };
const SLICE = Array.from({ length: 500 }, (_, position) => ({ ...ROW, position }));

/** A store whose scan is the given one; the rest is the app's own. */
function scanning(app: TestApp, scan: () => AsyncIterable<typeof SLICE>): void {
  (app.deps.store.results as { scan: Store['results']['scan'] }).scan = scan;
}

test('CSV and NDJSON have every result, in order', async () => {
  const app = await startApp();
  const results = Array.from({ length: 1200 }, (_, i) =>
    result(i % 2 ? `u${i}@x` : `=u${i}`, { status: i % 3 ? 'risky' : 'unknown' }),
  );
  await seed(app, 'ü/1', results);
  const path = `/api/files/${encodeURIComponent('ü/1')}/export`;

  const csv = await call(app, 'GET', path);
  expect(csv.status).toBe(200);
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(csv.headers.get('content-disposition')).toBe(
    `attachment; filename="__1.csv"; filename*=UTF-8''%C3%BC_1.csv`,
  );
  const [header, ...rows] = readCsv(csv.text);
  expect(header?.[0]).toBe('email');
  expect(rows.map(([email]) => email)).toEqual(results.map(({ email }) => String(email).replace(/^=/, "'=")));

  const ndjson = await call(app, 'GET', `${path}?format=ndjson&status=unknown`);
  expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  const lines = ndjson.text.split('\n');
  expect(lines.pop()).toBe('');
  const { emails } = (await call(app, 'GET', `${path.replace('export', 'emails')}?limit=500&status=unknown`))
    .json;
  expect(lines.map((line) => JSON.parse(line) as Json)).toEqual(emails);
});

test('an export has what the same filters show, for Excel or for programs', async () => {
  const app = await startApp();
  const results = Array.from({ length: 60 }, (_, i) =>
    result(`${i % 3 ? '=u' : 'v'}${i}@${i % 4 ? 'gmial.com' : 'example.com'}`, {
      status: i % 2 ? 'undeliverable' : 'risky',
      risk_level: i % 5 ? 'high' : 'medium',
      details: { general: { reason: '=cmd' }, sub_status: i % 7 ? 'Invalid Domain' : null },
    }),
  );
  await seed(app, 'f', results);
  const filters = [
    'status=risky,undeliverable',
    'reason=invalid_domain&risk=high',
    'email=%20GMIAL%20&reason=other',
    'email=@gmial',
  ];
  for (const filter of filters) {
    const page = await call(app, 'GET', `/api/files/f/emails?limit=500&${filter}`);
    const { text } = await call(app, 'GET', `/api/files/f/export?format=ndjson&${filter}`);
    const lines = text.split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line) as Json)).toEqual(page.json.emails);
    expect(lines.length).toBeGreaterThan(0);
  }
  const raw = await fetch(`${app.url}/api/files/f/export?bom=1&status=risky&email=@gmial`);
  const bytes = Buffer.from(await raw.arrayBuffer());
  expect(bytes.subarray(0, 3).toString('hex')).toBe('efbbbf');
  expect(raw.headers.get('content-disposition')).toContain("filename*=UTF-8''f-risky-%40gmial.csv");
  const reasonsIn = async (query: string) => {
    const [header = [], ...rows] = readCsv((await call(app, 'GET', `/api/files/f/export?${query}`)).text);
    return new Set(rows.map((row) => row[header.indexOf('reason')]));
  };
  expect(await reasonsIn('status=risky')).toEqual(new Set(["'=cmd"]));
  expect(await reasonsIn('status=risky&escape=none')).toEqual(new Set(['=cmd']));
});

test('a workbook that has no room for the rows is refused before its first byte', async () => {
  const app = await startApp();
  await seed(app, 'f', [result('a@x')]);
  const { results } = app.deps.store;
  const page = results.page.bind(results);
  (results as { page: Store['results']['page'] }).page = async (query) => {
    const found = await page(query);
    return found && { ...found, total: 1_048_576 };
  };
  const { status, json } = await call(app, 'GET', '/api/files/f/export?format=xlsx');
  expect([status, json.errors[0].field]).toEqual([400, 'format']);
  expect(json.errors[0].message).toContain('1048577 rows');
});

test('an export without results has its header', async () => {
  const app = await startApp();
  await call(app, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b' }] });
  expect(readCsv((await call(app, 'GET', '/api/files/f/export')).text)).toHaveLength(1);
  expect((await call(app, 'GET', '/api/files/f/export?format=ndjson')).text).toBe('');
  const head = await answerOf(await fetch(`${app.url}/api/files/f/export`, { method: 'HEAD' }), 'HEAD');
  expect([head.status, head.headers.get('content-type')]).toEqual([
    200,
    'text/csv; charset=utf-8; header=present',
  ]);
});

/** Reads the head of an answer, and nothing of its body. */
async function open(url: string) {
  const outgoing = request(url).end();
  const [answer] = await once(outgoing, 'response');
  return { answer, hangUp: () => outgoing.on('error', () => undefined).destroy() };
}

test('a client that reads nothing holds the scan up, and one that goes away ends it', async () => {
  const app = await startApp();
  await seed(app, 'f', [result('a@x')]);
  let read = 0;
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  scanning(app, async function* () {
    try {
      for (;;) {
        read++;
        yield SLICE;
      }
    } finally {
      ended();
    }
  });
  const { hangUp } = await open(`${app.url}/api/files/f/export?format=ndjson`);
  // The barrier: requests are served while the export is stuck, and by then it reads no more.
  let before = -1;
  while (before !== read) {
    before = read;
    for (let i = 0; i < 20; i++) await call(app, 'GET', '/livez');
  }
  expect(read).toBeLessThan(200);
  hangUp();
  await end;
  expect(app.log.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

test('only so many exports run at once; the others get a Retry-After', async () => {
  const app = await startApp({ config: { MAX_EXPORTS: 1 } });
  await seed(app, 'f', [result('a@x')]);
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const scan = app.deps.store.results.scan.bind(app.deps.store);
  scanning(app, async function* () {
    try {
      for (;;) yield SLICE;
    } finally {
      ended();
    }
  });
  const { hangUp } = await open(`${app.url}/api/files/f/export`);
  const refused = await call(app, 'GET', '/api/files/f/export');
  expect(refused.json).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(
    (await answerOf(await fetch(`${app.url}/api/files/f/export`, { method: 'HEAD' }), 'HEAD')).status,
  ).toBe(200);
  hangUp();
  await end;
  (app.deps.store.results as { scan: Store['results']['scan'] }).scan = scan;
  expect((await call(app, 'GET', '/api/files/f/export')).status).toBe(200);
});

test('one caller does not take all of them', async () => {
  const app = await startApp({ config: { MAX_EXPORTS: 3, MAX_EXPORTS_PER_CALLER: 2 } });
  await seed(app, 'f', [result('a@x')]);
  scanning(app, async function* () {
    for (;;) yield SLICE;
  });
  const callers = { callerName: 'address 192.0.2.1' };
  app.deps.rateLimit.callerName = () => callers.callerName;
  const path = `${app.url}/api/files/f/export`;
  const stuck = [await open(path), await open(path)];
  const refused = await call(app, 'GET', '/api/files/f/export');
  expect(refused.json).toMatchObject({ code: 'rate_limited' });
  expect(refused.json.detail).toContain('MAX_EXPORTS_PER_CALLER');
  callers.callerName = 'address 192.0.2.2';
  stuck.push(await open(path));
  expect(stuck.at(-1)?.answer.statusCode).toBe(200);
  callers.callerName = 'address 192.0.2.3';
  expect((await call(app, 'GET', '/api/files/f/export')).json.detail).toContain('MAX_EXPORTS allows 3');
  for (const { hangUp } of stuck) hangUp();
});

test('an export that is not read ends after the idle time, and one that is read slowly does not', async () => {
  const idleMs = 2_000;
  const app = await startApp({ config: { EXPORT_IDLE_MS: idleMs } });
  await seed(app, 'f', [result('a@x')]);
  scanning(app, async function* () {
    for (;;) yield SLICE;
  });
  const opened = async () => {
    const connected = once(app.server, 'connection');
    return { ...(await open(`${app.url}/api/files/f/export`)), socket: (await connected)[0] };
  };
  const slow = await opened();
  const stuck = await opened();
  // Far more in each idle time than the buffers of the system let it be late.
  const reading = setInterval(() => {
    for (let bytes = 0; bytes < 1e6; ) {
      const chunk = slow.answer.read();
      if (chunk === null) return;
      bytes += chunk.length;
    }
  }, 20);
  const openedAt = performance.now();
  await once(stuck.socket, 'close');
  const tookMs = performance.now() - openedAt;
  expect(tookMs).toBeGreaterThan(idleMs * 0.8);
  // The timeout of the socket itself takes twice the time.
  expect(tookMs).toBeLessThan(idleMs * 1.9);
  expect(slow.socket.destroyed).toBe(false);
  clearInterval(reading);
  for (const { hangUp } of [slow, stuck]) hangUp();
});

test('an export that fails at once is an error; one that fails later breaks off', async () => {
  const app = await startApp();
  await seed(app, 'f', [result('a@x')]);
  // biome-ignore lint/correctness/useYield: it fails before its first slice
  scanning(app, async function* () {
    throw new Fault('unavailable', 'the file changed while it was read');
  });
  expect((await call(app, 'GET', '/api/files/f/export')).json).toMatchObject({
    status: 503,
    code: 'unavailable',
  });

  scanning(app, async function* () {
    yield SLICE;
    throw new Error('the disk is gone');
  });
  for (const format of ['csv', 'ndjson', 'xlsx']) {
    await expect(call(app, 'GET', `/api/files/f/export?format=${format}`)).rejects.toThrow();
  }
  expect(app.log.join('')).toMatch(/request failed/);
});

test('a file that is deleted while it is exported breaks the export off', async () => {
  const app = await startApp();
  await seed(
    app,
    'f',
    Array.from({ length: 3000 }, (_, i) => result(`${'u'.repeat(100)}${i}@x`)),
  );
  const scan = app.deps.store.results.scan.bind(app.deps.store);
  scanning(app, async function* () {
    for await (const slice of scan('f', {})) {
      yield slice as typeof SLICE;
      await app.deps.intake.remove('f', VALIDATOR);
    }
  });
  await expect(call(app, 'GET', '/api/files/f/export?format=ndjson')).rejects.toThrow();
});

test('a HEAD counts as a costly request: it may cost a search', async () => {
  const app = await startApp();
  await seed(app, 'f', [result('a@x')]);
  const left = async (method: string) => {
    const url = `${app.url}/api/files/f/export?format=xlsx&email=a`;
    const { status, headers } = await fetch(url, { method });
    return [status, /r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]];
  };
  expect(await left('HEAD')).toEqual([200, '99999']);
  expect(await left('HEAD')).toEqual([200, '99998']);
});
