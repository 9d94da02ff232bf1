import { expect, it } from '@jest/globals';
import { VALIDATOR } from '../../../src/domain/ownership.js';
import type { IncompleteBatches, Store } from '../../../src/store/store.js';
import { effort } from '../../support/effort.js';
import { update } from '../../support/updates.js';
import { batchOf, expectConsistent, fill, listsOf, register, type Stores, save } from './harness.js';

const far = (): number => Date.now() + 60_000;

export function failing({ shared }: Stores): void {
  it('ends a batch by hand, and takes what comes after all', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [{ batchId: b1, totalEmails: 10 }] });
    await save(store, { batchId: b1, emails: ['a', 'b'] });
    expect(await store.updates.fail(f1, b1, 'worker lost')).toBe(true);
    expect(await batchOf(store, f1, b1)).toMatchObject({
      status: 'failed',
      summary: { failed: 1, completed: 0, processed: 2, skipped: 0, total: 10 },
    });
    const { version } = await batchOf(store, f1, b1);
    expect(await store.updates.fail(f1, b1, 'again')).toBe(true);
    expect((await batchOf(store, f1, b1)).version).toBe(version);
    // A second run repeats what is known for a while; only what goes beyond shows that the batch lives.
    await save(store, { batchId: b1, emails: ['a'] });
    expect((await batchOf(store, f1, b1)).status).toBe('failed');
    await save(store, { batchId: b1, emails: ['a', 'b', 'c'] });
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'running', summary: { failed: 0 } });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b', 'c'] });
  });

  it('ends a batch that has not begun', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    expect(await store.updates.fail(f1, b1, 'never came')).toBe(true);
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'failed', summary: { begun: 0 } });
    await save(store, { batchId: b1, emails: ['a'], isComplete: true });
    expect((await batchOf(store, f1, b1)).status).toBe('completed');
  });

  it('leaves a complete batch complete', async () => {
    const { store, f1, b1 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]));
    const before = await batchOf(store, f1, b1);
    expect(await store.updates.fail(f1, b1, 'too late')).toBe(true);
    await save(store, { batchId: b1, emails: [], failed: true });
    expect(await batchOf(store, f1, b1)).toEqual({ ...before, lastUpdated: expect.any(String) });
  });

  it('knows no batch of other files, and none of requests that are over', async () => {
    const { store, f1, f2, b1, c1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    await register(store, { fileId: f2, batches: [c1] });
    expect(await store.updates.fail(f2, b1, '')).toBe(false);
    expect(await store.updates.fail(f1, 'nobody', '')).toBe(false);
    expect(await store.updates.fail('nobody', b1, '')).toBe(false);
    expect((await batchOf(store, f1, b1)).status).toBe('waiting');
  });

  it('takes the results that a failing producer has', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const said = { batchId: b1, emails: ['a', 'b'], failed: true, error: 'out\u0000of\nmemory' };
    expect((await save(store, said)).outcome).toBe('applied');
    expect((await save(store, said)).outcome).toBe('unchanged');
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'failed', summary: { processed: 2 } });
    // Whoever says "failed" means it, however far a second worker gets; only the complete list takes it back.
    await save(store, { batchId: b1, emails: ['a', 'b', 'c'] });
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'failed', summary: { processed: 3 } });
    await save(store, { batchId: b1, emails: ['a', 'b', 'c', 'd'], isComplete: true });
    expect((await batchOf(store, f1, b1)).status).toBe('completed');
    await expectConsistent(store, f1);
  });
}

export function stalling({ own }: Stores): void {
  it('marks a batch that has begun and is silent, once, until news comes', async () => {
    const { store, f1, b1, b2 } = await own();
    await register(store, { fileId: f1, batches: [b1, b2] });
    await save(store, { batchId: b1, emails: ['a'] });
    expect(await store.updates.markStalled({ begunBefore: 0, queuedBefore: 0 })).toEqual([]);
    expect(await store.updates.markStalled({ begunBefore: far(), queuedBefore: 0 })).toEqual([
      { fileId: f1, batchIds: [b1] },
    ]);
    expect(await store.updates.markStalled({ begunBefore: far(), queuedBefore: 0 })).toEqual([]);
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'stalled', summary: { stalled: 1 } });
    await save(store, { batchId: b1, emails: ['a', 'b'] });
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'running', summary: { stalled: 0 } });
    expect(await store.updates.markStalled({ begunBefore: far(), queuedBefore: 0 })).toEqual([
      { fileId: f1, batchIds: [b1] },
    ]);
  });

  it('takes a repeat for a sign of life: a second run says at first what is known', async () => {
    const { store, f1, b1 } = await own();
    await register(store, { fileId: f1, batches: [b1] });
    await save(store, { batchId: b1, emails: ['a', 'b'] });
    await store.updates.markStalled({ begunBefore: far(), queuedBefore: 0 });
    expect((await save(store, { batchId: b1, emails: ['a'] })).outcome).toBe('applied');
    expect(await batchOf(store, f1, b1)).toMatchObject({ status: 'running' });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b'] });
  });

  it('takes what was found where its producer keeps it for news only where it is newer', async () => {
    const { store, f1, b1 } = await own();
    await register(store, { fileId: f1, batches: [b1] });
    await save(store, { batchId: b1, emails: ['a', 'b'] });
    const found = (emails: string[]) =>
      store.updates.save({ ...update({ batchId: b1, emails }), isFound: true }, VALIDATOR);
    const { lastUpdated } = await batchOf(store, f1, b1);
    expect((await found(['a'])).outcome).toBe('unchanged');
    expect((await batchOf(store, f1, b1)).lastUpdated).toBe(lastUpdated);
    await store.updates.markStalled({ begunBefore: far(), queuedBefore: far() });
    expect((await found(['a', 'b'])).outcome).toBe('unchanged');
    expect((await batchOf(store, f1, b1)).status).toBe('stalled');
    expect((await found(['a', 'b', 'c'])).outcome).toBe('applied');
    expect((await batchOf(store, f1, b1)).status).toBe('running');
  });

  it('lets a batch wait in a file that is heard of', async () => {
    const { store, f1, b1, b2 } = await own();
    await register(store, { fileId: f1, batches: [b1, b2] });
    await save(store, { batchId: b1, emails: ['a'] });
    const lastUpdate = Date.parse((await store.files.find(f1))?.lastUpdated ?? '');
    expect(await store.updates.markStalled({ begunBefore: 0, queuedBefore: lastUpdate })).toEqual([]);
    expect(await store.updates.markStalled({ begunBefore: 0, queuedBefore: far() })).toEqual([
      { fileId: f1, batchIds: [b2] },
    ]);
    await save(store, { batchId: b2, emails: ['z'] });
    expect((await batchOf(store, f1, b2)).summary).toMatchObject({ stalled: 0, begun: 1 });
  });

  it('leaves what has ended alone', async () => {
    const { store, f1, f2, b0, b1, b2, b3, c1 } = await own();
    await register(store, { fileId: f1, requestId: 'r0', batches: [b0] });
    await register(store, { fileId: f1, batches: [b1, b2, b3] });
    await save(store, { batchId: b1, emails: ['a'], isComplete: true });
    await save(store, { batchId: b2, emails: ['a'], failed: true });
    await store.updates.fail(f1, b3, 'gave up');
    await register(store, { fileId: f2, batches: [c1] });
    await store.files.remove(f2);
    expect(await store.updates.markStalled({ begunBefore: far(), queuedBefore: far() })).toEqual([]);
  });

  it('ends a stalled batch by hand', async () => {
    const { store, f1, b1 } = await own();
    await register(store, { fileId: f1, batches: [b1] });
    await store.updates.markStalled({ begunBefore: far(), queuedBefore: far() });
    await store.updates.fail(f1, b1, 'gave up');
    expect(await batchOf(store, f1, b1)).toMatchObject({
      status: 'failed',
      summary: { failed: 1, stalled: 0 },
    });
  });

  it('sees every one of thousands of silent batches in the end', async () => {
    const { store, f1 } = await own();
    const batchIds = Array.from({ length: effort(1_100, 2_500) }, (_, i) => `b${i}`);
    await register(store, { fileId: f1, batches: batchIds });
    const stalled = new Set<string>();
    for (let looks = 0; looks < 10 && stalled.size < batchIds.length; looks++) {
      for (const { batchIds: newly } of await store.updates.markStalled({
        begunBefore: 0,
        queuedBefore: far(),
      })) {
        for (const batchId of newly) stalled.add(batchId);
      }
    }
    expect(stalled.size).toBe(batchIds.length);
  });
}

async function incomplete(store: Store, limit: number) {
  const batches: IncompleteBatches['batches'][number][] = [];
  let after: string | null = null;
  for (let slices = 0; slices < 10_000; slices++) {
    const slice: IncompleteBatches = await store.updates.incompleteBatches({ limit, after });
    batches.push(...slice.batches);
    after = slice.next;
    if (after === null) return batches;
  }
  throw new Error('the slices have no end');
}

export function listingUnended({ own }: Stores): void {
  it('lists what has not ended, of current files', async () => {
    const { store, f1, f2, b0, b1, b2, b3, b9, c1 } = await own();
    expect(await store.updates.incompleteBatches({ limit: 10, after: null })).toEqual({
      batches: [],
      next: null,
    });
    await register(store, { fileId: f1, requestId: 'r0', batches: [b0] });
    await register(store, { fileId: f1, batches: [b1, b2, b3, b9] });
    await save(store, { batchId: b1, emails: ['a'], isComplete: true });
    await save(store, { batchId: b2, emails: ['a'] });
    await store.updates.markStalled({ begunBefore: far(), queuedBefore: 0 });
    await store.updates.fail(f1, b3, 'gave up');
    await save(store, { batchId: 'nobody’s', emails: ['a'] });
    await register(store, { fileId: f2, batches: [c1] });
    await store.files.remove(f2);
    const wanted = [
      { fileId: f1, batchId: b2, status: 'stalled' },
      { fileId: f1, batchId: b9, status: 'waiting' },
    ];
    expect(await incomplete(store, 100)).toEqual(wanted);
    expect(await incomplete(store, 1)).toEqual(wanted);
    await save(store, { batchId: b2, emails: ['a', 'b'] });
    expect((await incomplete(store, 100))[0]).toEqual({ fileId: f1, batchId: b2, status: 'running' });
  });

  it('lists each of many once, in slices of any size', async () => {
    const { store, f1, f2 } = await own();
    const batchIds = Array.from({ length: 300 }, (_, i) => `b${i}`);
    await register(store, { fileId: f1, batches: batchIds.slice(0, 200) });
    await register(store, { fileId: f2, batches: batchIds.slice(200) });
    for (const limit of [7, 100, 300, 1_000]) {
      const listed = await incomplete(store, limit);
      expect(listed.map(({ batchId }) => batchId).sort()).toEqual([...batchIds].sort());
      for (const { fileId, batchId } of listed) {
        expect(fileId).toBe(batchIds.indexOf(batchId) < 200 ? f1 : f2);
      }
    }
  });
}
