import { expect, it } from '@jest/globals';
import { InvalidInput } from '../../../src/domain/invalid-input.js';
import { batchOf, expectConsistent, fill, listsOf, register, type Stores, save } from './harness.js';

export function registering({ shared }: Stores): void {
  it('knows a batch by its registration', async () => {
    const { store, f1, b1, b2 } = shared();
    expect(await store.updates.fileOfBatch(b1)).toBeNull();
    expect(await store.files.find(f1)).toBeNull();
    const { outcome, facts, touched } = await register(store, {
      fileId: f1,
      userId: 'u1',
      totalEmails: 30,
      totalBatches: 3,
      batches: [b1, { batchId: b2, totalEmails: 10 }],
    });
    expect({ outcome, touched }).toEqual({ outcome: 'created', touched: [b1, b2] });
    expect(facts).toMatchObject({
      fileId: f1,
      requestId: 'r1',
      userId: 'u1',
      totalEmails: 30,
      totalBatches: 3,
    });
    expect(await store.files.find(f1)).toEqual(facts);
    expect(await store.updates.fileOfBatch(b2)).toBe(f1);
    expect((await store.files.batches(f1)).map(({ batchId, status }) => [batchId, status])).toEqual([
      [b1, 'waiting'],
      [b2, 'waiting'],
    ]);
    expect((await batchOf(store, f1, b2)).summary).toMatchObject({ total: 10, unsized: 0, begun: 0 });
    expect((await batchOf(store, f1, b1)).summary).toMatchObject({ total: 0, unsized: 1 });
  });

  it('changes nothing when it is repeated, in whole or in part', async () => {
    const { store, f1, b1, b2 } = shared();
    const request = {
      fileId: f1,
      userId: 'u1',
      totalEmails: 9,
      batches: [b1, { batchId: b2, totalEmails: 5 }],
    };
    const { facts } = await register(store, request);
    const before = await store.files.batches(f1);
    for (const again of [request, { batches: [b2] }, { requestId: null, batches: [b1] }, {}]) {
      expect(await register(store, { ...again, fileId: f1 })).toMatchObject({
        outcome: 'unchanged',
        touched: [],
        facts,
      });
    }
    expect(await store.files.batches(f1)).toEqual(before);
  });

  it('registers a batch that is named twice in one call once', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, batches: [b1, b2, b1, { batchId: b2, totalEmails: 4 }] });
    const batches = await store.files.batches(f1);
    expect(batches.map(({ batchId }) => batchId)).toEqual([b1, b2]);
    expect(batches[1]?.summary.total).toBe(4);
  });

  it('adds batches and what was not said before', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const more = {
      fileId: f1,
      userId: 'u1',
      totalBatches: 2,
      batches: [{ batchId: b1, totalEmails: 7 }, b2],
    };
    expect(await register(store, more)).toMatchObject({
      outcome: 'extended',
      touched: [b1, b2],
      facts: { userId: 'u1', totalBatches: 2 },
    });
    expect((await batchOf(store, f1, b1)).summary.total).toBe(7);
  });

  it('leaves the file with its owner where it names none', async () => {
    const { store, f1, b1, b2 } = shared();
    await register(store, { fileId: f1, userId: 'u1', batches: [b1] });
    await register(store, { fileId: f1, batches: [b1] });
    expect((await store.files.find(f1))?.userId).toBe('u1');
    await register(store, { fileId: f1, requestId: 'r2', batches: [b2] });
    expect((await store.files.find(f1))?.userId).toBe('u1');
  });

  it('lets a later request take the place of the earlier one', async () => {
    const { store, f1, b1, b2 } = shared();
    await fill(store, f1, new Map([[b1, ['a', 'b']]]), 'r1');
    const { generation } = (await store.files.find(f1)) ?? {};
    const { outcome, facts, touched } = await register(store, { fileId: f1, requestId: 'r2', batches: [b2] });
    expect({ outcome, touched }).toEqual({ outcome: 'replaced', touched: [b2] });
    expect(facts?.requestId).toBe('r2');
    expect(facts?.generation).not.toBe(generation);
    expect(await listsOf(store, f1)).toEqual({});
    expect((await store.files.batches(f1)).map(({ batchId }) => batchId)).toEqual([b2]);
    expect(await store.updates.fileOfBatch(b1)).toBeNull();
    await save(store, { batchId: b2, emails: ['c'] });
    expect(await listsOf(store, f1)).toEqual({ [b2]: ['c'] });
  });

  it('counts and ignores the updates of a request that was replaced', async () => {
    const { store, f1, b1, b2, b9 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]), 'r1');
    await fill(store, f1, new Map([[b2, ['z']]]), 'r2');
    const superseded = { outcome: 'superseded', fileId: null };
    const late = { batchId: b1, emails: ['a', 'b', 'c'], isComplete: true };
    expect(await save(store, late)).toEqual(superseded);
    expect(await save(store, { ...late, fileId: f1, requestId: 'r1' })).toEqual(superseded);
    expect(await save(store, { ...late, fileId: f1 })).toEqual(superseded);
    // A batch of the old request that nobody has heard of yet.
    const unheard = { ...late, batchId: b9, fileId: f1, requestId: 'r1' };
    expect(await save(store, unheard)).toEqual(superseded);
    expect(await store.updates.fail(f1, b1, 'gave up')).toBe(false);
    expect(await listsOf(store, f1)).toEqual({ [b2]: ['z'] });
    await expectConsistent(store, f1);
  });

  it('does not let a replaced request come back', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    await register(store, { fileId: f1, requestId: 'r1', batches: [b1] });
    await register(store, { fileId: f1, requestId: 'r2', batches: [b2] });
    const { outcome, facts, touched } = await register(store, {
      fileId: f1,
      requestId: 'r1',
      batches: [b1, b3],
    });
    expect({ outcome, touched }).toEqual({ outcome: 'superseded', touched: [] });
    expect(facts?.requestId).toBe('r2');
    expect((await store.files.batches(f1)).map(({ batchId }) => batchId)).toEqual([b2]);
  });

  it('runs a batch of the replaced request again under the later one, from nothing', async () => {
    const { store, f1, b1 } = shared();
    await fill(store, f1, new Map([[b1, ['a', 'b']]]), 'r1');
    expect((await register(store, { fileId: f1, requestId: 'r2', batches: [b1] })).outcome).toBe('replaced');
    expect(await listsOf(store, f1)).toEqual({});
    expect((await save(store, { batchId: b1, emails: ['c'] })).outcome).toBe('applied');
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['c'] });
    await expectConsistent(store, f1);
  });

  it('refuses a batch of another file, names the field, and changes nothing', async () => {
    const { store, f1, f2, b1, c1 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]));
    const refused = register(store, { fileId: f2, requestId: null, batches: [c1, b1] });
    await expect(refused).rejects.toThrow(InvalidInput);
    await expect(refused).rejects.toMatchObject({ errors: [{ field: 'batches[1].batchId' }] });
    expect(await store.files.find(f2)).toBeNull();
    expect(await store.updates.fileOfBatch(c1)).toBeNull();
    const said = save(store, { batchId: b1, fileId: f2, emails: ['x', 'y'], isComplete: true });
    await expect(said).rejects.toMatchObject({ errors: [{ field: 'fileId' }] });
    expect(await store.files.find(f2)).toBeNull();
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a'] });
  });

  it('takes a batch from a file that is gone into another one', async () => {
    const { store, f1, f2, b1 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]));
    await store.files.remove(f1);
    expect((await register(store, { fileId: f2, batches: [b1] })).outcome).toBe('created');
    expect((await save(store, { batchId: b1, emails: ['c'] })).outcome).toBe('applied');
    expect(await listsOf(store, f2)).toEqual({ [b1]: ['c'] });
    expect(await listsOf(store, f1)).toEqual({});
  });

  it('lets a request without a name say later what it is called', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    await register(store, { fileId: f1, requestId: null, batches: [b1] });
    await save(store, { batchId: b1, emails: ['a'] });
    const { generation } = (await store.files.find(f1)) ?? {};
    const { facts } = await register(store, { fileId: f1, requestId: 'r1', batches: [b1, b2] });
    expect(facts).toMatchObject({ requestId: 'r1', generation });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a'] });
    // A request that has none of its batches is another one.
    expect((await register(store, { fileId: f1, requestId: 'r2', batches: [b3] })).outcome).toBe('replaced');
  });
}

export function selfRegistering({ shared }: Stores): void {
  it('registers the batch of a message that names its file', async () => {
    const { store, f1, b1, b2 } = shared();
    const said = { batchId: b1, fileId: f1, requestId: 'r1', totalBatches: 2, emails: ['a'] };
    expect(await save(store, said)).toEqual({ outcome: 'applied', fileId: f1 });
    expect(await save(store, said)).toEqual({ outcome: 'unchanged', fileId: f1 });
    expect(await store.files.find(f1)).toMatchObject({ requestId: 'r1', totalBatches: 2 });
    await save(store, { ...said, batchId: b2, emails: ['b'] });
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a'], [b2]: ['b'] });
    expect(await save(store, { batchId: b1, emails: ['a', 'c'] })).toEqual({
      outcome: 'applied',
      fileId: f1,
    });
  });

  it('replaces the request when a message names another one', async () => {
    const { store, f1, b1, b2 } = shared();
    await fill(store, f1, new Map([[b1, ['a']]]), 'r1');
    await save(store, { batchId: b2, fileId: f1, requestId: 'r2', emails: ['z'] });
    expect(await listsOf(store, f1)).toEqual({ [b2]: ['z'] });
    expect((await store.files.find(f1))?.requestId).toBe('r2');
  });

  it('takes in what was held for the batch first', async () => {
    const { store, f1, b1 } = shared();
    await save(store, { batchId: b1, emails: ['a', 'b', 'c'] });
    expect((await save(store, { batchId: b1, fileId: f1, emails: ['a'] })).outcome).toBe('applied');
    expect(await listsOf(store, f1)).toEqual({ [b1]: ['a', 'b', 'c'] });
  });
}
