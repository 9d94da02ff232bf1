import { expect, it } from '@jest/globals';
import { addresses } from '../../support/updates.js';
import { expectConsistent, fill, listsOf, pageOf, register, type Stores, save } from './harness.js';

export function removing({ shared }: Stores): void {
  it('deletes a file and answers nothing of it any more', async () => {
    const { store, f1, f2, b1, b2, c1 } = shared();
    await fill(
      store,
      f1,
      new Map([
        [b1, addresses(600)],
        [b2, ['a']],
      ]),
    );
    await fill(store, f2, new Map([[c1, addresses(600)]]));
    expect(await store.files.remove(f1)).toBe(true);
    expect(await store.files.remove(f1)).toBe(false);
    expect(await store.files.remove('nobody')).toBe(false);
    expect(await store.files.find(f1)).toBeNull();
    expect(await store.files.batches(f1)).toEqual([]);
    expect(await store.updates.fileOfBatch(b1)).toBeNull();
    expect(await listsOf(store, f1)).toEqual({});
    const page = await pageOf(store, { fileId: f1, page: 1, limit: 50 });
    expect(page).toEqual({ total: 0, results: [], isCut: false });
    expect((await pageOf(store, { fileId: f1, page: 1, limit: 50, email: 'a' })).total).toBe(0);
    const listed = (await store.files.list({ limit: 500, after: null })).map(({ facts }) => facts.fileId);
    expect(listed).toContain(f2);
    expect(listed).not.toContain(f1);
    expect((await listsOf(store, f2))[c1]).toEqual(addresses(600));
    await expectConsistent(store, f2);
  });

  it('does not bring a file back for late updates', async () => {
    const { store, f1, b1, b2 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]));
    await store.files.remove(f1);
    const superseded = { outcome: 'superseded', fileId: null };
    const late = { batchId: b1, emails: ['a', 'b'], isComplete: true };
    expect(await save(store, late)).toEqual(superseded);
    expect(await save(store, { ...late, fileId: f1 })).toEqual(superseded);
    expect(await save(store, { ...late, fileId: f1, requestId: 'r1' })).toEqual(superseded);
    const unheard = { ...late, batchId: b2, fileId: f1, requestId: 'r1' };
    expect(await save(store, unheard)).toEqual(superseded);
    expect(await store.files.find(f1)).toBeNull();
    expect((await store.changes.unannounced()).map(({ fileId }) => fileId)).not.toContain(f1);
  });

  it('starts afresh when the same request is registered again by hand', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    await fill(
      store,
      f1,
      new Map([
        [b1, ['a', 'b']],
        [b2, ['c']],
      ]),
    );
    const { generation } = (await store.files.find(f1)) ?? {};
    await store.files.remove(f1);
    const { outcome, facts, touched } = await register(store, { fileId: f1, batches: [b1, b2] });
    expect({ outcome, touched }).toEqual({ outcome: 'created', touched: [b1, b2] });
    expect(facts?.generation).not.toBe(generation);
    expect(await listsOf(store, f1)).toEqual({});
    // The request is current again: its updates count, whichever way they name it.
    expect((await save(store, { batchId: b1, emails: ['x'] })).outcome).toBe('applied');
    const named = { batchId: b2, fileId: f1, requestId: 'r1', emails: ['y'] };
    expect(await save(store, named)).toEqual({ outcome: 'applied', fileId: f1 });
    const unheard = { batchId: b3, fileId: f1, requestId: 'r1', emails: ['z'] };
    expect(await save(store, unheard)).toEqual({ outcome: 'applied', fileId: f1 });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['x'], [b2]: ['y'], [b3]: ['z'] });
    await expectConsistent(store, f1);
  });

  it('takes a new request of a deleted file', async () => {
    const { store, f1, b1, b2 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]), 'r1');
    await store.files.remove(f1);
    const fresh = { batchId: b2, fileId: f1, requestId: 'r2', emails: ['z'] };
    expect(await save(store, fresh)).toEqual({ outcome: 'applied', fileId: f1 });
    // The request before it is over all the same.
    expect((await save(store, { ...fresh, batchId: b1, requestId: 'r1' })).outcome).toBe('superseded');
    expect(await listsOf(store, f1)).toEqual({ [b2]: ['z'] });
  });

  it('deletes while updates of the file keep coming', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    await fill(
      store,
      f1,
      new Map([
        [b1, addresses(300)],
        [b2, []],
      ]),
    );
    const saves = Array.from({ length: 60 }, (_, i) =>
      save(store, { batchId: i % 2 ? b2 : b3, fileId: f1, requestId: 'r1', emails: addresses(i + 1) }),
    );
    const removed = store.files.remove(f1);
    const later = Array.from({ length: 60 }, (_, i) =>
      save(store, { batchId: b2, fileId: f1, requestId: 'r1', emails: addresses(70 + i) }),
    );
    expect(await removed).toBe(true);
    await Promise.all(saves);
    const outcomes = await Promise.all(later);
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['superseded']));
    expect(await store.files.find(f1)).toBeNull();
    expect(await listsOf(store, f1)).toEqual({});
  });
}
