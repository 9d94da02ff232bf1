import { expect, it } from '@jest/globals';
import { listsOf, register, save } from '../contracts/store/harness.js';
import { effort } from '../support/effort.js';
import { temporaryDirectory } from '../support/teardown.js';
import { addresses } from '../support/updates.js';
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
