import { expect, it } from '@jest/globals';
import type { Claimant } from '../../../src/domain/ownership.js';
import { OPERATOR } from '../../support/operator.js';
import { listsOf, register, registration, type Stores, save } from './harness.js';

const MANY = 1_200;
const JANE: Claimant = { userId: 'jane', files: [], isAdmin: false };
const JOE: Claimant = { userId: 'joe', files: [], isAdmin: false };

export function registeringMany({ shared }: Stores): void {
  it('refuses in advance what a registration would be refused for, and changes nothing', async () => {
    const { store, f1, f2, b1, b9 } = shared();
    await register(store, { fileId: f2, batches: [b9] }, JANE);
    const others = Array.from({ length: MANY }, (_, number) => `${b1} ${number}`);
    const check = (fileId: string, batches: readonly string[], claimant: Claimant) =>
      store.updates.checkRegistration(registration({ fileId, batches }), claimant);
    expect(await check(f1, others, JANE)).toBe(MANY);
    expect(await check(f2, [b9, ...others], JANE)).toBe(MANY + 1);
    await expect(check(f1, [...others, b9], JANE)).rejects.toMatchObject({
      errors: [{ field: `batches[${MANY}].batchId`, message: 'is registered for another file' }],
    });
    // Before anything is said about its batches.
    for (const batches of [[b9], [b1]])
      await expect(check(f2, batches, JOE)).rejects.toMatchObject({ code: 'file_not_found' });
    expect(await store.files.find(f1)).toBeNull();
    expect(await store.files.batches(f2)).toHaveLength(1);
  });

  it('says in advance how many batches the request has once they are registered', async () => {
    const { store, f1, f2, b1, b2, b3 } = shared();
    const check = (said: Parameters<typeof registration>[0]) =>
      store.updates.checkRegistration(registration(said), OPERATOR);
    await register(store, { fileId: f1, requestId: 'r1', batches: [b1, b2], totalBatches: 5 });
    const request = { fileId: f1, requestId: 'r1', batches: [b2, b3, b3] };
    expect(await check(request)).toBe(5);
    expect(await check({ ...request, totalBatches: 2 })).toBe(3);
    expect(await check({ ...request, totalBatches: 9 })).toBe(9);
    expect(await check({ ...request, requestId: 'r2' })).toBe(2);
    await register(store, { fileId: f2, requestId: null, batches: ['u1', 'u2'].map((id) => `${f2} ${id}`) });
    const named = (batchId: string) => ({ fileId: f2, requestId: 'r1', batches: [`${f2} ${batchId}`, b3] });
    expect(await check(named('u1'))).toBe(3);
    expect(await check(named('other'))).toBe(2);
  });

  it('does not go on with a registration whose generation is over', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    const { facts } = await register(store, { fileId: f1, batches: [b1] });
    const generation = facts?.generation ?? '';
    const goOn = () => register(store, { fileId: f1, requestId: null, generation, batches: [b3] });
    expect(await goOn()).toMatchObject({ outcome: 'extended', touched: [b3], fresh: [{ batchId: b3 }] });
    await register(store, { fileId: f1, requestId: 'r2', batches: [b2] });
    expect(await goOn()).toMatchObject({ outcome: 'superseded', facts: { requestId: 'r2' }, touched: [] });
    await store.files.remove(f1);
    expect(await goOn()).toEqual({ outcome: 'superseded', facts: null, touched: [], fresh: [] });
    expect(await store.files.find(f1)).toBeNull();
  });

  it('tells new batches from those that begin with a held update', async () => {
    const { store, f1, b1, b2, b3 } = shared();
    await save(store, { batchId: b2, emails: ['a'] });
    await save(store, { batchId: b3, emails: ['a'] }, JANE);
    const { touched, fresh } = await register(store, { fileId: f1, batches: [b1, b2, b3] }, JOE);
    expect({ touched, fresh: fresh.map(({ batchId }) => batchId).sort() }).toEqual({
      touched: [b1, b2, b3],
      fresh: [b1, b3],
    });
  });

  it('is without a file of many batches at once, while its addresses are being deleted', async () => {
    const { store, f1, f2, b1, b2 } = shared();
    const batches = Array.from({ length: MANY }, (_, number) => `${b1} ${number}`);
    await register(store, { fileId: f1, batches }, OPERATOR);
    for (const batchId of batches.slice(-40)) await save(store, { batchId, emails: ['a', 'b'] });
    await register(store, { fileId: f2, batches: [b2] });
    let isRemoved = false;
    const removing = store.files.remove(f1).then((existed) => {
      isRemoved = true;
      return existed;
    });
    while ((await store.files.find(f1)) !== null) expect(isRemoved).toBe(false);
    await save(store, { batchId: b2, emails: ['c'] });
    expect(await store.results.page({ fileId: f1, page: 1, limit: 10 })).toBeNull();
    expect(await removing).toBe(true);
    expect(await listsOf(store, f2)).toEqual({ [b2]: ['c'] });
    for (const batchId of [batches[0], batches.at(-1)])
      expect((await save(store, { batchId: batchId ?? '', emails: ['z'] })).outcome).toBe('superseded');
  });
}
