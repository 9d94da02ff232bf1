import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Claimant } from '../../../src/domain/ownership.js';
import { effort } from '../../support/effort.js';
import { eventually } from '../../support/eventually.js';
import { addresses } from '../../support/updates.js';
import { batchOf, expectConsistent, listsOf, register, type Stores, save } from './harness.js';

const ADMIN: Claimant = { userId: 'root', files: '*', isAdmin: true };
const user = (userId: string): Claimant => ({ userId, files: [], isAdmin: false });

export function holding({ shared, own }: Stores): void {
  it('holds what comes before its registration, and applies it then', async () => {
    const { store, f1, b0, b1 } = shared();
    const held = { outcome: 'held', fileId: null };
    expect(await save(store, { batchId: b1, emails: ['a', 'b'] })).toEqual(held);
    expect(await save(store, { batchId: b1, emails: ['a', 'b'] })).toEqual(held);
    expect(await store.updates.fileOfBatch(b1)).toBeNull();
    expect(await register(store, { fileId: f1, batches: [b0, b1] })).toMatchObject({
      outcome: 'created',
      touched: [b0, b1],
    });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b'] });
    expect((await save(store, { batchId: b1, emails: ['a', 'b'] })).outcome).toBe('unchanged');
  });

  it('applies what is held once', async () => {
    const { store, f1, b1 } = shared();
    await save(store, { batchId: b1, emails: ['a', 'b'] });
    await register(store, { fileId: f1, requestId: 'r1', batches: [b1] });
    // A later request that takes the batch over starts from nothing, not from what was once held.
    await register(store, { fileId: f1, requestId: 'r2', batches: [b1] });
    expect(await listsOf(store, f1)).toEqual({});
  });

  it('applies what is held for a batch that joins a request later', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    await save(store, { batchId: b2, emails: ['x'], isComplete: true });
    expect(await register(store, { fileId: f1, batches: [b1, b2] })).toMatchObject({
      outcome: 'extended',
      touched: [b2],
    });
    expect((await batchOf(store, f1, b2)).status).toBe('completed');
  });

  it('holds the newest, whatever the order', async () => {
    const { store } = shared();
    const saying = fc.record({
      processedCount: fc.nat({ max: 20 }),
      isComplete: fc.boolean(),
      failed: fc.boolean(),
    });
    let files = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(saying, { minLength: 1, maxLength: 6 }), async (said) => {
        const fileId = `held-${++files}`;
        const [before, after] = [`before ${fileId}`, `after ${fileId}`];
        const each = said.map((one, index) => ({ ...one, emails: [`${index}`] }));
        for (const one of each) await save(store, { batchId: before, ...one });
        await register(store, { fileId, batches: [before, after] });
        for (const one of each) await save(store, { batchId: after, ...one });
        // Held and applied together, or applied one by one: the batch must look the same.
        const lists = await listsOf(store, fileId);
        expect(lists[before]).toEqual(lists[after]);
        const [held, live] = [await batchOf(store, fileId, before), await batchOf(store, fileId, after)];
        expect(held.status).toBe(live.status);
        expect(held.summary).toEqual(live.summary);
        await expectConsistent(store, fileId);
      }),
      { numRuns: effort(3, 40) },
    );
  });

  it('lets a failure stay known until a complete list takes it back', async () => {
    const { store, f1, b1, b2 } = shared();
    await save(store, { batchId: b1, emails: [], failed: true, error: 'out of memory' });
    await save(store, { batchId: b1, emails: ['a'] });
    await save(store, { batchId: b2, emails: [], failed: true });
    await save(store, { batchId: b2, emails: ['a'], isComplete: true });
    await register(store, { fileId: f1, batches: [b1, b2] });
    expect((await batchOf(store, f1, b1)).status).toBe('failed');
    expect((await batchOf(store, f1, b2)).status).toBe('completed');
  });

  it('drops the oldest beyond its bound, and keeps the rest', async () => {
    const { store, f1 } = await own({ maxHeldBytes: 100_000 });
    const batchIds = Array.from({ length: 20 }, (_, i) => `b${i}`);
    for (const batchId of batchIds) await save(store, { batchId, emails: addresses(40, batchId) });
    // News of the oldest makes it the youngest.
    await save(store, { batchId: 'b0', emails: addresses(41, 'b0') });
    await register(store, { fileId: f1, batches: batchIds });
    const kept = Object.keys(await listsOf(store, f1));
    expect(kept.length).toBeGreaterThan(2);
    expect(kept.length).toBeLessThan(20);
    expect(kept).toEqual(['b0', ...batchIds.slice(1 - kept.length)]);
  });

  it('counts updates that have no results, and why their batch failed', async () => {
    const scale = effort(10, 50);
    const { store } = await own({ maxHeldBytes: scale * 1_000 });
    for (const said of [{ processedCount: 0 }, { failed: true, error: 'e'.repeat(scale * 400) }]) {
      for (let sent = 0; sent < scale * 8; sent++)
        await save(store, { batchId: `${said.processedCount} ${sent}`, emails: [], ...said }, user('joe'));
      const held = await store.updates.heldCounts();
      expect(held.updates).toBeLessThan(scale * 7);
      expect(held.bytes).toBeGreaterThan(0);
    }
  });

  it('drops those of the user with the most, and the operator’s last: no user pushes out another’s', async () => {
    const { store, f1 } = await own({ maxHeldBytes: 100_000 });
    await save(store, { batchId: 'operator', emails: addresses(40, 'o') });
    await save(store, { batchId: 'jane', emails: addresses(40, 'j') }, user('jane'));
    const batchIds = Array.from({ length: 20 }, (_, i) => `joe ${i}`);
    for (const batchId of batchIds)
      await save(store, { batchId, emails: addresses(40, batchId) }, user('joe'));
    await save(store, { batchId: 'jane later', emails: addresses(40, 'l') }, user('jane'));
    await register(store, { fileId: f1, batches: ['operator', 'jane', 'jane later', ...batchIds] }, ADMIN);
    const kept = Object.keys(await listsOf(store, f1));
    expect(kept.slice(0, 3)).toEqual(['operator', 'jane', 'jane later']);
    expect(kept.length).toBeGreaterThan(4);
    expect(kept.length).toBeLessThan(23);
    expect(kept.slice(3)).toEqual(batchIds.slice(3 - kept.length));
  });

  it('drops the operator’s where there are no others', async () => {
    const { store, f1 } = await own({ maxHeldBytes: 1_000 });
    await save(store, { batchId: 'jane', emails: addresses(40) }, user('jane'));
    await save(store, { batchId: 'b1', emails: addresses(100) });
    await save(store, { batchId: 'b2', emails: addresses(100) });
    await register(store, { fileId: f1, batches: ['jane', 'b1', 'b2'] }, ADMIN);
    expect(Object.keys(await listsOf(store, f1))).toEqual(['b2']);
  });

  it('holds the one that just came, however large: its sender is told so', async () => {
    const { store, f1 } = await own({ maxHeldBytes: 1_000 });
    expect((await save(store, { batchId: 'b1', emails: addresses(100) })).outcome).toBe('held');
    expect((await save(store, { batchId: 'b2', emails: addresses(200) })).outcome).toBe('held');
    await register(store, { fileId: f1, batches: ['b1', 'b2'] });
    expect(await listsOf(store, f1)).toEqual({ b2: addresses(200) });
  });

  it('drops what was held for too long', async () => {
    const { store, f1 } = await own({ heldTtlMs: 5 });
    await save(store, { batchId: 'old', emails: ['a'] });
    const since = Date.now();
    await eventually('the clock moved on', () => Date.now() > since + 10);
    await save(store, { batchId: 'young', emails: ['b'] });
    await register(store, { fileId: f1, batches: ['old', 'young'] });
    expect(await listsOf(store, f1)).not.toHaveProperty('old');
    expect((await batchOf(store, f1, 'old')).status).toBe('waiting');
  });

  it('drops it although nothing more is held, when it looks for silence', async () => {
    const { store, f1 } = await own({ heldTtlMs: 5 });
    await save(store, { batchId: 'old', emails: ['a'] });
    const since = Date.now();
    await eventually('the clock moved on', () => Date.now() > since + 10);
    await store.updates.dropExpired();
    await register(store, { fileId: f1, batches: ['old'] });
    expect((await batchOf(store, f1, 'old')).status).toBe('waiting');
  });

  it('says how much is held, and how many were dropped since it was opened', async () => {
    const { store, f1 } = await own({ maxHeldBytes: 100_000 });
    expect(await store.updates.heldCounts()).toEqual({ updates: 0, bytes: 0, dropped: 0 });
    const batchIds = Array.from({ length: 30 }, (_, i) => `b${i}`);
    for (const batchId of batchIds) await save(store, { batchId, emails: addresses(40, batchId) });
    const { updates, bytes, dropped } = await store.updates.heldCounts();
    expect(updates).toBeGreaterThan(2);
    expect(updates + dropped).toBe(30);
    expect(bytes).toBeGreaterThan(10_000);
    // What was looked at last is never more than a little beyond the bound.
    expect(bytes).toBeLessThan(110_000);
    await register(store, { fileId: f1, batches: batchIds });
    expect(await store.updates.heldCounts()).toEqual({ updates: 0, bytes: 0, dropped });
  });

  it('does not hold what is late: that is over', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, requestId: 'r1', batches: [b1] });
    await register(store, { fileId: f1, requestId: 'r2', batches: [b2] });
    await save(store, { batchId: b1, emails: ['a'] });
    await register(store, { fileId: f1, requestId: 'r3', batches: [b1] });
    expect(await listsOf(store, f1)).toEqual({});
  });
}
