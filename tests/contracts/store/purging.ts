import { expect, it } from '@jest/globals';
import type { Store } from '../../../src/store/store.js';
import { addresses } from '../../support/updates.js';

export { announce } from './harness.js';

import { announce, fill, pageOf, register, type Stores, save } from './harness.js';
import { submissionOf } from './submitting.js';

export const SOON = () => Date.now() + 60_000;

export async function purgeAll(store: Store, before: number): Promise<string[]> {
  const purged: string[] = [];
  for (;;) {
    const some = await store.files.purge(before);
    if (some.length === 0) return purged;
    purged.push(...some);
  }
}

export function purging({ own }: Stores): void {
  it('drops the addresses of finished files, and keeps what they add up to', async () => {
    const { store, f1, f2, b1, b2, c1 } = await own();
    await register(store, { fileId: f1, userId: 'jane', batches: [b1, b2] });
    await save(store, { batchId: b1, emails: addresses(600), isComplete: true });
    await save(store, { batchId: b2, emails: ['z@x'], isComplete: true });
    await register(store, { fileId: f2, batches: [c1] });
    await save(store, { batchId: c1, emails: ['a@x'] });
    const before = await announce(store, f1);
    await announce(store, f2);
    const [at] = [Date.parse(before.completedAt ?? '')];
    expect(await purgeAll(store, at)).toEqual([]);
    expect(await purgeAll(store, SOON())).toEqual([f1]);
    expect(await purgeAll(store, SOON())).toEqual([]);
    expect((await store.changes.unannounced()).map(({ fileId }) => fileId)).toEqual([f1]);

    const after = await announce(store, f1);
    expect(after).toEqual({ ...before, status: 'purged', revision: after.revision });
    expect((await store.files.find(f1))?.userId).toBe('jane');
    expect(await pageOf(store, { fileId: f1, page: 1, limit: 50 })).toEqual({
      total: 0,
      results: [],
      isCut: false,
    });
    expect((await pageOf(store, { fileId: f1, page: 1, limit: 50, email: 'z' })).total).toBe(0);
    const slices = [];
    for await (const slice of store.results.scan(f1, {})) slices.push(...slice);
    expect(slices).toEqual([]);
    expect((await pageOf(store, { fileId: f2, page: 1, limit: 50 })).total).toBe(1);
    const listed = await store.files.list({ limit: 9, after: null });
    expect(listed.map(({ facts }) => [facts.fileId, facts.purged !== undefined])).toEqual([
      [f2, false],
      [f1, true],
    ]);
    expect(await purgeAll(store, SOON())).toEqual([]);
  });

  it('passes over any number of files that have changed since they were announced', async () => {
    const { store, f1, b1 } = await own();
    const files = Array.from({ length: 17 }, (_, number) => `${f1}-${number}`);
    for (const fileId of files) {
      await fill(store, fileId, new Map([[`${b1}-${fileId}`, ['a@x']]]));
      await announce(store, fileId);
    }
    for (const fileId of files.slice(0, -1))
      await save(store, { batchId: `${b1}-${fileId}`, emails: ['a@x', 'b@x'], isComplete: true });
    expect(await purgeAll(store, SOON())).toEqual(files.slice(-1));
  });

  it('leaves a submission alone that is under way and may replace the file', async () => {
    const { store, f1, b1 } = await own();
    await fill(store, f1, new Map([[b1, ['a@x']]]));
    await announce(store, f1);
    const [done, sent, prepared] = [{}, {}, { requestId: 'r2', sending: [] }].map((more) =>
      submissionOf(f1, more),
    );
    for (const one of [done, sent, prepared]) if (one) await store.submissions.claim(one);
    await store.submissions.advance(done?.id ?? '', done?.lease.owner ?? '', {
      state: 'done',
      dueInMs: 0,
      slice: { number: 0, state: 'registered' },
    });
    expect(await purgeAll(store, SOON())).toEqual([f1]);
    const isLeft = async (one: typeof sent) => one && (await store.submissions.renew(one.id, one.lease));
    expect([await isLeft(done), await isLeft(sent), await isLeft(prepared)]).toEqual([false, true, true]);
    expect(await store.submissions.accept(sent?.id ?? '', sent?.lease.owner ?? '', 0, '{}')).toBe('done');
  });

  it('does not let late updates of the request bring addresses back', async () => {
    const { store, f1, b1, b2 } = await own();
    await fill(store, f1, new Map([[b1, ['a@x']]]));
    await announce(store, f1);
    await purgeAll(store, SOON());
    const superseded = { outcome: 'superseded', fileId: null };
    const late = { emails: ['a@x', 'b@x'], isComplete: true };
    expect(await save(store, { ...late, batchId: b1 })).toEqual(superseded);
    expect(await save(store, { ...late, batchId: b2, fileId: f1 })).toEqual(superseded);
    expect(await save(store, { ...late, batchId: b2, fileId: f1, requestId: 'r1' })).toEqual(superseded);
    expect((await register(store, { fileId: f1, batches: [b1, b2] })).outcome).toBe('superseded');
    expect((await pageOf(store, { fileId: f1, page: 1, limit: 50 })).total).toBe(0);
  });

  it('makes room for a later request, and for a deletion', async () => {
    const { store, f1, b1, b2 } = await own();
    await fill(store, f1, new Map([[b1, ['a@x']]]));
    await announce(store, f1);
    await purgeAll(store, SOON());
    await fill(store, f1, new Map([[b2, ['c@x', 'd@x']]]), 'r2');
    expect((await announce(store, f1)).status).toBe('completed');
    expect((await pageOf(store, { fileId: f1, page: 1, limit: 50 })).total).toBe(2);
    await purgeAll(store, SOON());
    expect((await announce(store, f1)).progress).toMatchObject({ processed: 2, percentage: 100 });
    expect(await store.files.remove(f1)).toBe(true);
    expect(await store.files.find(f1)).toBeNull();
  });

  it('leaves a file alone whose changes are not announced yet', async () => {
    const { store, f1, b1 } = await own();
    await fill(store, f1, new Map([[b1, ['a@x']]]));
    await announce(store, f1);
    await register(store, { fileId: f1, totalEmails: 9, batches: [] });
    expect(await purgeAll(store, SOON())).toEqual([]);
  });
}
