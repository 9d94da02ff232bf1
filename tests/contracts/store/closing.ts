import { expect, it } from '@jest/globals';
import { effort } from '../../support/effort.js';
import { addresses } from '../../support/updates.js';
import { fill, register, registration, type Stores, save, scanned } from './harness.js';

export function closing({ own }: Stores): void {
  it('closes twice, at once or later, and finishes what was asked for before', async () => {
    const { store } = await own();
    await register(store, { fileId: 'f1', batches: ['b1', 'b2'] });
    const saves = Array.from({ length: effort(60, 300) }, (_, i) =>
      save(store, { batchId: i % 2 ? 'b1' : 'b2', emails: addresses(i + 1) }),
    );
    const page = store.page({ fileId: 'f1', page: 1, limit: 10 });
    await Promise.all([store.close(), store.close()]);
    await store.close();
    for (const { outcome } of await Promise.all(saves)) expect(outcome).toBe('applied');
    await page;
  });

  it('refuses every call afterwards, and answers it', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map([['b1', ['a']]]));
    await store.close();
    const calls = [
      store.locate('b1'),
      store.register(registration({ fileId: 'f1' })),
      save(store, { batchId: 'b1', emails: ['a', 'b'] }),
      store.fail('f1', 'b1', ''),
      store.stall({ begunBefore: 0, queuedBefore: 0 }),
      store.remove('f1'),
      store.file('f1'),
      store.batches('f1'),
      store.batchCounts('f1'),
      store.held(),
      store.claim({ fileId: 'f1', key: 'k', fingerprint: 'p', owner: 'o', leaseMs: 1, keepMs: 1 }),
      store.settleReceipt(
        { fileId: 'f1', key: 'k', fingerprint: 'p', owner: 'o', leaseMs: 1, keepMs: 1 },
        null,
      ),
      store.news('f1', new Map()),
      store.keepStats('f1', '1', { changes: 1, batches: new Map() }, '{}'),
      store.unannounced(),
      store.page({ fileId: 'f1', page: 1, limit: 1 }),
      scanned(store, 'f1'),
      store.files({ limit: 1, after: null }),
      store.putAside({ inlet: 'pubsub', reason: '', payload: '' }),
      store.deadLetters({ limit: 1, after: null, payloadBytes: 1 }),
      store.deadLetter('f'),
      store.discard('f'),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'Fault', code: 'unavailable' } });
    }
  });

  it('closes while a file is read and deleted', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map([['b1', addresses(5_000)]]));
    const scan = scanned(store, 'f1').catch((error: unknown) => error);
    const removal = store.remove('f1').catch((error: unknown) => error);
    await store.close();
    // Either may have been overtaken, but nobody is left without an answer.
    const unavailable = expect.objectContaining({ code: 'unavailable' });
    expect([true, unavailable]).toContainEqual(await removal);
    expect([expect.any(Array), unavailable]).toContainEqual(await scan);
  });
}
