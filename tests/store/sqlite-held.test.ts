import { expect, it } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { dueWrites } from '../../src/store/sqlite/batches/due-updates.js';
import { dropSomeHeld, hold, takeHeld } from '../../src/store/sqlite/batches/held-updates.js';
import { cleanUpSome, needsCleanUp } from '../../src/store/sqlite/clean-up.js';
import { Database } from '../../src/store/sqlite/database.js';
import { fileWrites } from '../../src/store/sqlite/files.js';
import { register as registerIn } from '../../src/store/sqlite/registration.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { listsOf, register, registration, save } from '../contracts/store/harness.js';
import { effort } from '../support/effort.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { addresses, update } from '../support/updates.js';
import { openStore } from './directory.js';

const HELD = effort(3_000, 10_000);
const SAVES = 60;
const ADMIN = { userId: 'root', files: '*', isAdmin: true } as const;

it('holds thousands of updates at once, and takes in those of a batch beside them in their order', async () => {
  const store = await openStore(temporaryDirectory());
  await register(store, { fileId: 'f', batches: ['b'] });
  const holding = Array.from({ length: HELD }, (_, i) =>
    save(store, { batchId: `held ${i}`, emails: addresses(10, `of ${i}`) }),
  );
  for (let count = 1; count <= SAVES; count++) {
    expect((await save(store, { batchId: 'b', emails: addresses(count) })).outcome).toBe('applied');
  }
  for (const { outcome } of await Promise.all(holding)) expect(outcome).toBe('held');
  expect((await store.updates.heldCounts()).updates).toBe(HELD);
  expect(await listsOf(store, 'f')).toEqual({ b: addresses(SAVES) });
  await register(store, { fileId: 'f', batches: [`held ${HELD - 1}`] });
  expect((await listsOf(store, 'f'))[`held ${HELD - 1}`]).toEqual(addresses(10, `of ${HELD - 1}`));
  expect((await store.updates.heldCounts()).updates).toBe(HELD - 1);
});

it('drops what has no room, or is too old, some at a time: the newest only where it is too old', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  for (let at = 0; at < 200; at++) hold(db, update({ batchId: `b${at}`, emails: [] }), '[]', VALIDATOR, at);
  const drops = (limits: { ttlMs: number; maxBytes: number }) => {
    const held = { ...limits, dropped: 0 };
    const drop = () => dropSomeHeld(db, held, 200);
    return [drop(), drop(), drop(), held.dropped];
  };
  expect(drops({ ttlMs: 100, maxBytes: 2 ** 20 })).toEqual([64, 36, 0, 100]);
  expect(drops({ ttlMs: 100, maxBytes: 0 })).toEqual([64, 35, 0, 99]);
  expect(drops({ ttlMs: 0, maxBytes: 0 })).toEqual([1, 0, 0, 1]);
});

it('leaves due what many users have had held for one batch, and drops nothing of it', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  const of = (userId: string) => ({ userId, files: [], isAdmin: false });
  for (let n = 0; n < 150; n++)
    hold(db, update({ batchId: 'b', emails: [], processedCount: n }), `[${n}]`, of(`user ${n}`), 1);
  hold(db, update({ batchId: 'other', emails: [] }), '[]', VALIDATOR, 1);
  const registered = registerIn(db, registration({ fileId: 'f', batches: ['b'] }), ADMIN, 2);
  expect(registered).toMatchObject({ due: ['b'], fresh: [{ batchId: 'b' }] });
  // Its time is over, and it is more than may be held.
  const held = { ttlMs: 0, maxBytes: 0, dropped: 0 };
  expect([dropSomeHeld(db, held, 3), dropSomeHeld(db, held, 3)]).toEqual([1, 0]);
  // Came later, and is held for another registration.
  hold(db, update({ batchId: 'b', emails: [] }), '[]', of('late'), 3);
  const steps: unknown[] = [];
  for (let due = dueWrites.next(db, 'f', 'b'); due !== null; due = dueWrites.next(db, 'f', 'b')) {
    steps.push([due.held.length, due.results]);
    while (dueWrites.settle(db, due));
  }
  expect(steps.map((step) => (step as [number])[0])).toEqual([64, 64, 22]);
  expect(steps.some((step) => (step as [number, string])[1] === '[149]')).toBe(true);
  expect(db.all('SELECT holder FROM held')).toEqual([{ holder: 'late' }]);
  expect(dueWrites.all(db)).toEqual([]);
});

it('drops nothing else once what was due is over', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  hold(db, update({ batchId: 'b', emails: [] }), `[${' '.repeat(2 ** 20)}]`, VALIDATOR, 1);
  registerIn(db, registration({ fileId: 'f', batches: ['b'] }), ADMIN, 2);
  const due = dueWrites.next(db, 'f', 'b');
  fileWrites.end(db, 'f', ADMIN);
  while (needsCleanUp(db)) cleanUpSome(db, 3, false);
  expect(db.all('SELECT 1 FROM held')).toEqual([]);
  // It has the number of the one that is gone.
  hold(db, update({ batchId: 'other', emails: [] }), '[]', VALIDATOR, 3);
  expect(dueWrites.settle(db, due as NonNullable<typeof due>)).toBe(false);
  expect(db.all('SELECT batchId FROM held')).toEqual([{ batchId: 'other' }]);
});

it('takes what several users have had held for one batch as one update, and reads the newest list alone', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  const of = (userId: string) => ({ userId, files: [], isAdmin: false, registeredAt: 4 });
  const failed = update({ batchId: 'b', emails: ['x'], failed: true, error: 'why' });
  hold(db, failed, 'never read', of('ann'), 1);
  hold(db, update({ batchId: 'b', emails: ['x', 'y', 'z'] }), '[{"email":"newest"}]', of('joe'), 2);
  hold(db, update({ batchId: 'b', emails: ['x', 'y'] }), 'never read either', of('zoe'), 3);
  hold(db, update({ batchId: 'other', emails: ['x'] }), '[]', of('ann'), 4);
  expect(takeHeld(db, 'b', of('eve'))).toBeNull();
  expect(takeHeld(db, 'b', { ...of('eve'), isAdmin: true })).toMatchObject({
    processedCount: 3,
    failure: 'why',
    results: [{ email: 'newest' }],
  });
  expect(db.all('SELECT batchId, holder FROM held')).toEqual([{ batchId: 'other', holder: 'ann' }]);
});

it('registers few batches in one go where updates are held for them that it applies by itself', async () => {
  const store = await openStore(temporaryDirectory());
  for (let n = 0; n < 100; n++) await save(store, { batchId: `small ${n}`, emails: [] });
  for (const batchId of ['large 0', 'large 1']) await save(store, { batchId, emails: addresses(2_500) });
  await save(store, { batchId: 'due', emails: addresses(5_000) });
  const ids = [
    'none',
    ...[...Array(100).keys()].map((n) => `small ${n}`),
    'large 0',
    'large 1',
    'due',
    'none',
  ];
  const slices = await store.updates.registrationSlices(ids.map((batchId) => ({ batchId, totalEmails: 1 })));
  expect(slices.flat().map(({ batchId }) => batchId)).toEqual(ids);
  expect(slices.map(({ length }) => length)).toEqual([64, 37, 1, 1, 1, 1]);
});
