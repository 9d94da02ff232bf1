import { describe, expect, test } from '@jest/globals';
import { clientIpBehind } from '../../src/client-ip.js';
import * as schemas from '../../src/http/docs/schemas.js';
import { RateLimit } from '../../src/http/rate-limit.js';
import { type Answer, call, complete, type Json, result, seed, startApp, type TestApp } from './harness.js';

const details = (more: Record<string, unknown>) => ({
  general: { domain: 'not this one', reason: '' },
  attributes: { free_email: false, role_account: false, disposable: false },
  mail_server: { smtp_provider: null, mx_record: null },
  sub_status: null,
  ...more,
});

const RESULTS = [
  result('a@Gmail.com', {
    details: details({ mail_server: { smtp_provider: 'Google' }, attributes: { free_email: true } }),
  }),
  result('b@gmail.COM', {
    deliverability_score: 40,
    status: 'risky',
    details: details({
      mail_server: { smtp_provider: ' Google ' },
      attributes: { free_email: true, role_account: true, has_plus_tag: 'true' },
      sub_status: 'Low Quality',
    }),
  }),
  result('"odd@name"@gmail.com', { deliverability_score: 100, details: details({ mail_server: null }) }),
  result('c@firm.example', { deliverability_score: null, status: 'unknown', details: null }),
  result('no address', {
    deliverability_score: 0,
    status: 'undeliverable',
    details: details({ mail_server: { smtp_provider: 42 }, sub_status: 'Invalid Email' }),
  }),
];

async function breakdownOf(app: TestApp, fileId: string, query: string): Promise<Json> {
  const { status, json } = await call(app, 'GET', `/api/files/${fileId}/breakdown?${query}`);
  expect([query, status]).toEqual([query, 200]);
  schemas.breakdown.strict().parse(json);
  return json;
}

const counts = (deliverable: number, undeliverable: number, risky: number, unknown: number) => ({
  count: deliverable + undeliverable + risky + unknown,
  deliverable,
  undeliverable,
  risky,
  unknown,
});
const NONE = counts(0, 0, 0, 0);

describe('the breakdown of a file that has ended', () => {
  test('has domains, providers, scores, attributes and reasons', async () => {
    const app = await startApp();
    await seed(app, 'f', RESULTS);
    const { revision } = (await call(app, 'GET', '/api/files/f/stats')).json;
    const said = { revision, complete: true };
    expect(await breakdownOf(app, 'f', 'by=domain')).toEqual({
      by: 'domain',
      ...said,
      items: [
        { value: 'gmail.com', ...counts(2, 0, 1, 0) },
        { value: 'firm.example', ...counts(0, 0, 0, 1) },
      ],
      other: NONE,
      none: counts(0, 1, 0, 0),
    });
    expect(await breakdownOf(app, 'f', 'by=provider')).toEqual({
      by: 'provider',
      ...said,
      items: [{ value: 'Google', ...counts(1, 0, 1, 0) }],
      other: NONE,
      none: counts(1, 1, 0, 1),
    });
    const scores = await breakdownOf(app, 'f', 'by=score');
    expect(scores).toMatchObject({ ...said, other: NONE, none: counts(0, 0, 0, 1) });
    expect(scores.items).toHaveLength(10);
    expect(scores.items.slice(0, 4)).toEqual([
      { value: '90-100', ...counts(2, 0, 0, 0) },
      { value: '0-9', ...counts(0, 1, 0, 0) },
      { value: '40-49', ...counts(0, 0, 1, 0) },
      { value: '10-19', ...NONE },
    ]);
    expect(await breakdownOf(app, 'f', 'by=attribute')).toMatchObject({
      items: [
        { value: 'free_email', ...counts(1, 0, 1, 0) },
        { value: 'role_account', ...counts(0, 0, 1, 0) },
      ],
      none: counts(1, 1, 0, 1),
    });
    expect(await breakdownOf(app, 'f', 'by=reason')).toMatchObject({
      items: [
        { value: 'invalid_email', ...counts(0, 1, 0, 0) },
        { value: 'low_quality', ...counts(0, 0, 1, 0) },
        { value: 'other', ...counts(0, 0, 0, 1) },
      ],
      none: counts(2, 0, 0, 0),
    });
  });

  test('names the largest, and adds the rest up', async () => {
    const app = await startApp();
    await seed(app, 'f', RESULTS);
    expect(await breakdownOf(app, 'f', 'by=domain&limit=1')).toMatchObject({
      items: [{ value: 'gmail.com' }],
      other: counts(0, 0, 0, 1),
      none: counts(0, 1, 0, 0),
    });
    expect((await breakdownOf(app, 'f', 'by=score&limit=3')).items).toHaveLength(3);
  });

  test('is read once, and again after a change', async () => {
    const app = await startApp();
    let scans = 0;
    const { store } = app.deps;
    const scan = store.results.scan.bind(store.results);
    store.results.scan = (...asked) => {
      scans++;
      return scan(...asked);
    };
    await seed(app, 'f', RESULTS);
    const all = await Promise.all(
      ['domain', 'provider', 'domain', 'domain'].map((by) => breakdownOf(app, 'f', `by=${by}`)),
    );
    expect(all.every(({ complete }) => complete)).toBe(true);
    await breakdownOf(app, 'f', 'by=provider&limit=1');
    expect(scans).toBe(1);
    await seed(app, 'f', [result('d@firm.example'), result('e@firm.example')], 'another batch');
    expect((await breakdownOf(app, 'f', 'by=domain')).items).toMatchObject([
      { value: 'firm.example', count: 3 },
      { value: 'gmail.com', count: 3 },
    ]);
    expect(scans).toBe(2);
  });
});

describe('the breakdown of a file that runs', () => {
  test('has what is summed up, and says that the rest is not counted', async () => {
    const app = await startApp();
    const update = { ...complete('b', RESULTS, { fileId: 'f' }), isComplete: false, totalEmails: 9 };
    expect((await call(app, 'POST', '/api/updates', update)).status).toBe(202);
    // Without waiting for anything: a read shows what was answered.
    const scores = await breakdownOf(app, 'f', 'by=score');
    expect(scores).toMatchObject({
      complete: false,
      items: [{ value: '90-100', count: 2 }, {}, {}, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(await breakdownOf(app, 'f', 'by=domain')).toMatchObject({
      complete: false,
      items: [],
      other: counts(2, 1, 1, 1),
    });
    await seed(app, 'f', RESULTS.slice(0, 2), 'b');
    expect(await breakdownOf(app, 'f', 'by=domain')).toMatchObject({ complete: true, other: NONE });
    // The list was replaced by a shorter one.
    expect((await breakdownOf(app, 'f', 'by=attribute')).none).toEqual(NONE);
  });

  test('has no values of a purged file, but its sums', async () => {
    const app = await startApp();
    await seed(app, 'f', RESULTS);
    await breakdownOf(app, 'f', 'by=domain');
    expect(await app.purge()).toBe(1);
    const purged = { complete: true, items: [], other: counts(2, 1, 1, 1), none: NONE };
    for (const by of ['domain', 'provider'])
      expect(await breakdownOf(app, 'f', `by=${by}`)).toMatchObject(purged);
    expect((await breakdownOf(app, 'f', 'by=attribute')).items).toHaveLength(2);
    expect((await breakdownOf(app, 'f', 'by=score')).none.count).toBe(1);
  });

  test('never says that there is nothing because the addresses have just gone', async () => {
    const app = await startApp();
    await seed(app, 'f', RESULTS);
    // Not announced yet.
    await app.deps.store.files.purge(Date.now() + 60_000);
    const unknown = { complete: false, items: [], other: counts(2, 1, 1, 1) };
    expect(await breakdownOf(app, 'f', 'by=domain')).toMatchObject(unknown);
  });
});

describe('a request for a breakdown', () => {
  const fields = ({ status, json }: Answer) => [status, json.errors?.map(({ field }: Json) => field)];

  test('is told what is wrong with it', async () => {
    const app = await startApp();
    await seed(app, 'f', RESULTS);
    for (const query of ['', 'by=', 'by=Domain', 'by=email', 'by=domain&by=score'])
      expect([query, ...fields(await call(app, 'GET', `/api/files/f/breakdown?${query}`))]).toEqual([
        query,
        400,
        ['by'],
      ]);
    for (const limit of ['0', '501', '-1', '1e2', 'x'])
      expect(fields(await call(app, 'GET', `/api/files/f/breakdown?by=score&limit=${limit}`))).toEqual([
        400,
        ['limit'],
      ]);
    const { status, json } = await call(app, 'GET', '/api/files/none/breakdown?by=domain');
    expect([status, json.code]).toEqual([404, 'file_not_found']);
  });

  test('is limited only where results have to be read for it', async () => {
    const app = await startApp({ rateLimit: new RateLimit(1, clientIpBehind([])) });
    await seed(app, 'f', RESULTS);
    await seed(app, 'g', RESULTS);
    for (const query of ['by=score', 'by=domain', 'by=provider', 'by=domain', 'by=reason'])
      expect((await breakdownOf(app, 'f', query)).complete).toBe(true);
    const refused = await call(app, 'GET', '/api/files/g/breakdown?by=domain');
    expect([refused.status, refused.json.code]).toEqual([429, 'rate_limited']);
    expect((await breakdownOf(app, 'g', 'by=score')).complete).toBe(true);
  });
});
