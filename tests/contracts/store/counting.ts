import { expect, it } from '@jest/globals';
import { VALIDATOR } from '../../../src/domain/ownership.js';
import { entry, update } from '../../support/updates.js';
import { batchOf, expectConsistent, register, type Stores, save } from './harness.js';

const NONE = { count: 0, since: null };

export function counting({ shared }: Stores): void {
  it('counts the batches of a file by status, with the earliest update among them', async () => {
    const { store, f1, f2, b0, b1, b2, b3, b9, c1 } = shared();
    await register(store, { fileId: f1, batches: [b0, b1, b2, b3, b9] });
    await register(store, { fileId: f2, batches: [c1] });
    await save(store, { batchId: b0, emails: ['a'], isComplete: true });
    await save(store, { batchId: b1, emails: ['a'] });
    await save(store, { batchId: b2, emails: [], failed: true });
    await store.updates.fail(f1, b3, 'no worker');
    const states = await store.files.batches(f1);
    const times = (status: string) =>
      states.flatMap((batch) => (batch.status === status ? [batch.lastUpdated] : [])).sort();
    expect(await store.files.batchCounts(f1)).toEqual({
      waiting: { count: 1, since: times('waiting')[0] },
      running: { count: 1, since: times('running')[0] },
      stalled: NONE,
      completed: { count: 1, since: times('completed')[0] },
      failed: { count: 2, since: times('failed')[0] },
    });
    const later = Date.now() + 10_000;
    await store.updates.markStalled({ begunBefore: later, queuedBefore: 0 });
    expect(await store.files.batchCounts(f1)).toMatchObject({
      running: NONE,
      stalled: { count: 1, since: (await batchOf(store, f1, b1)).lastUpdated },
    });
  });

  it('counts only those of the current request', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    const none = { waiting: NONE, running: NONE, stalled: NONE, completed: NONE, failed: NONE };
    expect(await store.files.batchCounts(f1)).toEqual(none);
    await register(store, { fileId: f1, requestId: 'r1', batches: [b1, b2] });
    await register(store, { fileId: f1, requestId: 'r2', batches: [b3] });
    expect(await store.files.batchCounts(f1)).toMatchObject({ waiting: { count: 1 } });
    await store.files.remove(f1);
    expect(await store.files.batchCounts(f1)).toEqual(none);
  });

  it('counts all results of a list that grows by those that were read before, and keeps nothing twice', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const statuses = ['deliverable', 'risky', 'unknown'] as const;
    const emails = Array.from({ length: 12 }, (_, n) =>
      entry(`${n}@example.com`, { status: statuses[n % 3] ?? 'risky' }),
    );
    const whole = update({ batchId: b1, emails, totalEmails: 12 });
    // The same results again, as the reader of updates hands them on.
    for (const processedCount of [4, 8, 9, 12]) {
      const results = whole.results.slice(0, processedCount);
      await store.updates.save({ ...whole, isComplete: false, processedCount, results }, VALIDATOR);
      await expectConsistent(store, f1);
      expect((await batchOf(store, f1, b1)).summary.processed).toBe(processedCount);
    }
  });
}
