import { describe, expect, test } from '@jest/globals';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import type { PageQuery } from '../../src/store/store.js';
import { retry } from '../support/wait.js';
import { answerOf, call, complete, type Json, result, seed, startApp } from './harness.js';

describe('a file', () => {
  test('is known once a batch of it is registered, and shows what was taken in', async () => {
    const app = await startApp();
    const body = { requestId: 'r1', totalEmails: 2, batches: [{ batchId: 'b1', totalEmails: 2 }] };
    const registered = await call(app, 'POST', '/api/files/f/batches', body);
    expect(registered.status).toBe(201);
    expect(registered.json).toEqual({
      fileId: 'f',
      requestId: 'r1',
      batchIds: ['b1'],
      totalEmails: 2,
      status: 'pending',
    });

    const taken = await call(
      app,
      'POST',
      '/api/updates',
      complete('b1', [result('a@x'), result('b@x', { status: 'risky' })]),
    );
    expect([taken.status, taken.json]).toEqual([202, { outcome: 'applied' }]);
    await app.announce();

    const { json } = await call(app, 'GET', '/api/files/f');
    expect(Object.keys(json)).toEqual(['stats', 'emails', 'batches']);
    expect(json.stats).toMatchObject({
      fileId: 'f',
      status: 'completed',
      progress: { processed: 2, percentage: 100 },
    });
    expect(json.emails.pagination).toEqual({ total: 2, page: 1, limit: 50, pages: 1 });
    expect(json.emails.emails).toMatchObject([
      { email: 'a@x', batchId: 'b1', position: 0 },
      { email: 'b@x', batchId: 'b1', position: 1 },
    ]);
    expect((await call(app, 'GET', '/api/files/f/stats')).json).toEqual(json.stats);
    expect((await call(app, 'GET', '/api/files/f/emails')).json).toEqual(json.emails);
  });

  test('tells the outcome of each update', async () => {
    const app = await startApp();
    const send = async (body: unknown) => (await call(app, 'POST', '/api/updates', body)).json.outcome;
    expect(await send(complete('b1', [result('a@x')]))).toBe('held');
    await call(app, 'POST', '/api/files/f/batches', { requestId: 'r1', batches: [{ batchId: 'b1' }] });
    expect(await send(complete('b1', [result('a@x')]))).toBe('unchanged');
    expect(await send(complete('b2', [result('b@x')], { fileId: 'f', requestId: 'r1' }))).toBe('applied');
    await call(app, 'POST', '/api/files/f/batches', { requestId: 'r2', batches: [{ batchId: 'b3' }] });
    expect(await send(complete('b1', [result('a@x'), result('c@x')]))).toBe('superseded');
  });

  test('has the status after the registration: held updates count, repeats change nothing, an older request is superseded', async () => {
    const app = await startApp();
    await call(app, 'POST', '/api/updates', complete('b1', [result('a@x')]));
    const register = async (requestId: string, batchId: string) =>
      (await call(app, 'POST', '/api/files/f/batches', { requestId, batches: [{ batchId }] })).json.status;
    expect(await register('r1', 'b1')).toBe('completed');
    expect(await register('r1', 'b1')).toBe('completed');
    expect(await register('r2', 'b2')).toBe('pending');
    expect(await register('r1', 'b1')).toBe('superseded');
  });

  test('takes a batch that is named twice as one', async () => {
    const app = await startApp();
    const batches = [{ batchId: 'b' }, { batchId: 'c', totalEmails: 1 }, { batchId: 'b', totalEmails: 3 }];
    const { json } = await call(app, 'POST', '/api/files/f/batches', { batches });
    expect(json).toMatchObject({ requestId: null, totalEmails: null, batchIds: ['b', 'c'] });
    await app.announce();
    const stats = (await call(app, 'GET', '/api/files/f/stats')).json;
    expect(stats).toMatchObject({ batches: { total: 2 }, progress: { total: 4 } });
  });

  test("refuses another file's batch", async () => {
    const app = await startApp();
    await call(app, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b' }] });
    const { status, json } = await call(app, 'POST', '/api/files/g/batches', { batches: [{ batchId: 'b' }] });
    expect([status, json.code]).toEqual([400, 'invalid_request']);
  });

  test('is failed by hand, and the answer knows of it', async () => {
    const app = await startApp();
    await call(app, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b', totalEmails: 3 }] });
    const { status, json } = await call(app, 'POST', '/api/files/f/batches/b/fail', {
      reason: 'the worker is gone',
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({ fileId: 'f', status: 'failed', batches: { total: 1, failed: 1 } });
  });

  test('is deleted with everything in it', async () => {
    const app = await startApp();
    await seed(app, 'f', [result('a@x')]);
    const deleted = await call(app, 'DELETE', '/api/files/f');
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    for (const view of ['', '/stats', '/emails', '/export', '/batches']) {
      expect((await call(app, 'GET', `/api/files/f${view}`)).json.code).toBe('file_not_found');
    }
    expect((await call(app, 'GET', '/api/files')).json.items).toEqual([]);
  });
});

describe('a list', () => {
  test('of files goes on where it ended, newest first, none twice and none left out', async () => {
    const app = await startApp();
    const ids = ['a', 'b/ü', 'c', 'd', 'e'];
    for (const fileId of ids) await seed(app, fileId, [result('x')]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { json }: { json: Json } = await call(app, 'GET', `/api/files?limit=2${query}`);
      expect(json.items.length).toBeLessThanOrEqual(2);
      seen.push(...json.items.map(({ fileId }: Json) => fileId));
      cursor = json.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(ids.reverse());
  });

  test('that fits exactly has no next page', async () => {
    const app = await startApp();
    for (const fileId of ['a', 'b']) await seed(app, fileId, [result('x')]);
    expect((await call(app, 'GET', '/api/files?limit=2')).json.nextCursor).toBeNull();
  });

  test('has the stats of a file that nothing was announced of yet', async () => {
    const app = await startApp();
    await call(app, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b' }] });
    expect((await call(app, 'GET', '/api/files')).json.items).toMatchObject([
      { fileId: 'f', status: 'pending' },
    ]);
  });

  test('of batches tells how each stands, newest first, and ends with its request', async () => {
    const app = await startApp();
    const batches = [
      { batchId: 'b1' },
      { batchId: 'b2', totalEmails: 2 },
      { batchId: 'b3', totalEmails: 1 },
      { batchId: 'b4' },
    ];
    await call(app, 'POST', '/api/files/f/batches', { requestId: 'r1', batches });
    const running = { ...complete('b2', [result('a@x')]), isComplete: false, totalEmails: 2 };
    await call(app, 'POST', '/api/updates', running);
    await call(app, 'POST', '/api/updates', complete('b3', [result('b@x')]));
    await call(app, 'POST', '/api/files/f/batches/b4/fail', { reason: 'gone' });

    const first = (await call(app, 'GET', '/api/files/f/batches?limit=3')).json;
    expect(first.items).toMatchObject([
      { batchId: 'b4', status: 'failed', processed: 0 },
      { batchId: 'b3', status: 'completed', totalEmails: 1, processed: 1, skipped: 0 },
      { batchId: 'b2', status: 'running', totalEmails: 2, processed: 1, since: expect.stringMatching(/Z$/) },
    ]);
    await call(app, 'POST', '/api/files/f/batches', { requestId: 'r1', batches: [{ batchId: 'b5' }] });
    const next = await call(app, 'GET', `/api/files/f/batches?limit=3&cursor=${first.nextCursor}`);
    expect(next.json).toMatchObject({
      items: [{ batchId: 'b1', status: 'waiting', totalEmails: null }],
      nextCursor: null,
    });

    await call(app, 'POST', '/api/files/f/batches', { requestId: 'r2', batches: [{ batchId: 'b6' }] });
    const stale = await call(app, 'GET', `/api/files/f/batches?cursor=${first.nextCursor}`);
    expect(stale.json).toMatchObject({ code: 'invalid_request', errors: [{ field: 'cursor' }] });
  });
});

describe('pages', () => {
  test('are cut, filtered and counted', async () => {
    const app = await startApp();
    const results = Array.from({ length: 7 }, (_, i) =>
      result(`u${i}@x`, { status: i % 2 ? 'risky' : 'deliverable', risk_level: i < 3 ? 'low' : 'high' }),
    );
    await seed(app, 'f', results);
    const get = async (query: string) => (await call(app, 'GET', `/api/files/f/emails?${query}`)).json;
    expect((await get('page=2&limit=3')).pagination).toEqual({ total: 7, page: 2, limit: 3, pages: 3 });
    expect((await get('page=2&limit=3')).emails.map(({ email }: Json) => email)).toEqual([
      'u3@x',
      'u4@x',
      'u5@x',
    ]);
    expect((await get('status=risky')).pagination.total).toBe(3);
    expect((await get('status=risky,%20deliverable,risky')).pagination.total).toBe(
      (await get('')).pagination.total,
    );
    expect((await get('status=risky&risk=high')).emails.map(({ email }: Json) => email)).toEqual([
      'u3@x',
      'u5@x',
    ]);
    const beyond = await get('page=1000000000000&limit=500');
    expect(beyond).toEqual({
      emails: [],
      pagination: { total: 7, page: 1_000_000_000_000, limit: 500, pages: 1 },
    });
  });

  test('of a file without results are empty, not missing', async () => {
    const app = await startApp();
    await call(app, 'POST', '/api/files/f/batches', { batches: [{ batchId: 'b' }] });
    const { status, json } = await call(app, 'GET', '/api/files/f/emails');
    expect([status, json.emails]).toEqual([200, []]);
  });

  test('have a head', async () => {
    const app = await startApp();
    await seed(app, 'f', [result('a@x')]);
    const head = await answerOf(await fetch(`${app.url}/api/files/f/emails`, { method: 'HEAD' }), 'HEAD');
    expect([head.status, head.text]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
  });
});

test('all files add up to what GET /api/stats says', async () => {
  const app = await startApp();
  await seed(app, 'f1', [result('a@x'), result('b@x', { status: 'risky', risk_level: 'high' })]);
  await seed(app, 'f2', [result('c@x')]);
  const { status, json } = await call(app, 'GET', '/api/stats');
  expect(status).toBe(200);
  expect(json).toEqual({
    files: { total: 2, pending: 0, processing: 0, completed: 2, failed: 0, purged: 0 },
    progress: { total: 3, processed: 3, skipped: 0, percentage: 100 },
    stats: {
      deliverable: { count: 2 },
      undeliverable: { count: 0, categories: expect.objectContaining({ other: 0 }) },
      risky: { count: 1, categories: { low_quality: 0, low_deliverability: 0, other: 1 } },
      unknown: { count: 0, categories: expect.objectContaining({ timeout: 0 }) },
    },
    risk: { none: 0, low: 2, medium: 0, high: 1 },
    lastUpdated: expect.any(String),
  });
  await call(app, 'DELETE', '/api/files/f1');
  expect((await call(app, 'GET', '/api/stats')).json.files.total).toBe(1);
});

/** Pages of a store that reads by this function, and finds nothing. */
const pagesReadBy = (read: (query: PageQuery) => Promise<void>) => {
  const page = (query: PageQuery) => read(query).then(() => ({ total: 0, results: [], isCut: false }));
  const other = {} as never;
  return { snapshots: new Snapshots({ results: { page } } as never, other, other, 1024) };
};

test('the searches of a caller wait for each other, and other reads for none of them', async () => {
  const under: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const pages = pagesReadBy(async ({ email }) => {
    if (email === undefined) return;
    most = Math.max(most, ++running);
    await new Promise<void>((done) => under.push(done));
    running--;
  });
  const app = await startApp(pages);
  const searches = [1, 2, 3].map(() => fetch(`${app.url}/api/files/f/emails?email=a`));
  await retry(async () => expect(under).toHaveLength(1));
  expect((await fetch(`${app.url}/api/files/f/emails`)).status).toBe(200);
  for (let answered = 0; answered < searches.length; answered++) {
    await retry(async () => expect(under).toHaveLength(answered + 1));
    under[answered]?.();
  }
  for (const search of searches) expect((await search).status).toBe(200);
  expect(most).toBe(1);
});

test('a search whose caller has gone away before its turn is not made', async () => {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const pages = pagesReadBy(async ({ email = '' }) => {
    begun.push(email);
    await new Promise<void>((end) => ends.push(end));
  });
  const app = await startApp(pages);
  const left = new Promise<void>((gone) =>
    app.server.prependListener('request', (req, res) => {
      if (req.url?.includes('second') === true) res.once('close', gone);
    }),
  );
  const path = `${app.url}/api/files/f/emails?email=`;
  const first = fetch(`${path}first`);
  await retry(async () => expect(begun).toEqual(['first']));
  const leaving = new AbortController();
  const arrived = new Promise<void>((done) => app.server.once('request', () => done()));
  const second = fetch(`${path}second`, { signal: leaving.signal });
  second.catch(() => undefined);
  await arrived;
  leaving.abort();
  await left;
  const third = fetch(`${path}third`);
  ends.shift()?.();
  expect((await first).status).toBe(200);
  await retry(async () => expect(begun).toHaveLength(2));
  ends.shift()?.();
  expect((await third).status).toBe(200);
  expect(begun).toEqual(['first', 'third']);
});
