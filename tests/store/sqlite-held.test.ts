import { expect, it } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { dropSomeHeld, hold, takeHeld } from '../../src/store/sqlite/batches/held-updates.js';
import { Database } from '../../src/store/sqlite/database.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { listsOf, register, save } from '../contracts/store/harness.js';
import { effort } from '../support/effort.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { addresses, update } from '../support/updates.js';
import { openStore } from './directory.js';

const HELD = effort(3_000, 10_000);
const SAVES = 60;

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

it('takes what several users have had held for one batch as one update, and reads the newest list alone', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  const of = (userId: string) => ({ userId, files: [], isAdmin: false });
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

it('registers few batches in one go where updates are held for them: those take as long as they are large', async () => {
  const store = await openStore(temporaryDirectory());
  for (let n = 0; n < 100; n++) await save(store, { batchId: `small ${n}`, emails: [] });
  for (const batchId of ['large 0', 'large 1']) await save(store, { batchId, emails: addresses(5_000) });
  const ids = ['none', ...[...Array(100).keys()].map((n) => `small ${n}`), 'large 0', 'large 1', 'none'];
  const slices = await store.updates.registrationSlices(ids.map((batchId) => ({ batchId, totalEmails: 1 })));
  expect(slices.flat().map(({ batchId }) => batchId)).toEqual(ids);
  expect(slices.map(({ length }) => length)).toEqual([64, 37, 1, 1, 1]);
});
