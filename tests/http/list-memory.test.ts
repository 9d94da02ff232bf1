/** Exports in the layouts of a list keep its shared texts and its verdicts in memory while their clients read: for a caller only so many. */
import { expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { ListMemory } from '../../src/http/export/list-memory.js';
import type { Store } from '../../src/store/store.js';
import { eventually } from '../support/eventually.js';
import { textCell, workbookOf } from '../support/zip.js';
import { standIn, validatorAt } from '../validator/stand-in.js';
import { answerOf, call, complete, result, startApp } from './harness.js';

/** Of so many texts. Where each one is costs some bytes more. */
const SHARED_BYTES = 60_000;
const TEXTS = 100;

async function startWithList(config: Record<string, number>) {
  let slices = 0;
  const validator = await standIn((response) =>
    response.end(JSON.stringify({ batchId: `slice ${slices++}`, results: null })),
  );
  const app = await startApp({ config, validator: validatorAt(validator) });
  const rows = ['ann', 'bob', 'cem'].map((name) => `<row>${textCell('A1', `${name}@x.com`)}</row>`);
  const shared = `<si><t>${'x'.repeat(SHARED_BYTES / TEXTS)}</t></si>`.repeat(TEXTS);
  const body = workbookOf({ sheets: [rows.join('')], shared });
  const list = await answerOf(await fetch(`${app.url}/api/lists?name=a.xlsx`, { method: 'POST', body }));
  expect(list.status).toBe(201);
  const { listId } = list.json;
  expect((await call(app, 'POST', '/api/files/f/validations', { listId })).status).toBe(202);
  return app;
}

const PATH = '/api/files/f/export?layout=original';

test('one caller has one export of a large list at a time, whatever others have', async () => {
  const app = await startWithList({
    MAX_SHARED_BYTES: 1.5 * SHARED_BYTES,
    MAX_EXPORTS: 8,
    MAX_EXPORTS_PER_CALLER: 8,
  });
  let begun = 0;
  let letGo: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  (app.deps.store.results as { scan: Store['results']['scan'] }).scan = async function* () {
    begun++;
    await gate;
    yield [];
  };
  const caller = { name: 'address 192.0.2.1' };
  app.deps.rateLimit.callerName = () => caller.name;
  const ann = fetch(`${app.url}${PATH}`);
  await eventually('an export is under way', () => begun === 1);
  const refused = await call(app, 'GET', PATH);
  expect(refused.json).toMatchObject({ status: 429, code: 'rate_limited' });
  expect(refused.json.detail).toContain('MAX_SHARED_BYTES');
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
  caller.name = 'address 192.0.2.2';
  const bob = fetch(`${app.url}${PATH}`);
  await eventually('that of another caller is', () => begun === 2);
  letGo();
  for (const answer of await Promise.all([ann, bob])) {
    expect(answer.status).toBe(200);
    await answer.text();
  }
  expect((await call(app, 'GET', PATH)).status).toBe(200);
});

test('an export that keeps nothing of a list is never refused', () => {
  const memory = new ListMemory(1_000);
  memory.begin('ann', 1_500);
  expect(() => memory.begin('ann', 1)).toThrow(Fault);
  expect(() => memory.begin('ann', 0)).not.toThrow();
});

test('a file with more results than a list has rows has no export of the list', async () => {
  const app = await startWithList({ MAX_LIST_ROWS: 3 });
  const emails = ['a', 'b', 'c', 'd'].map((name) => result(`${name}@x.com`));
  expect((await call(app, 'POST', '/api/updates', complete('more', emails, { fileId: 'f' }))).status).toBe(
    202,
  );
  await app.announce();
  const { status, json } = await call(app, 'GET', PATH);
  expect(status).toBe(400);
  expect(json.errors[0]).toEqual({ field: 'layout', message: expect.stringContaining('MAX_LIST_ROWS') });
  expect((await call(app, 'GET', '/api/files/f/export')).status).toBe(200);
});
