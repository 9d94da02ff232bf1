import { expect, it } from '@jest/globals';
import { VALIDATOR } from '../../../src/domain/ownership.js';
import { effort } from '../../support/effort.js';
import { addresses } from '../../support/updates.js';
import { fill, keptStats, pageOf, register, registration, type Stores, save, scanned } from './harness.js';

export function closing({ own }: Stores): void {
  it('closes twice, at once or later, and finishes the calls that began before', async () => {
    const { store } = await own();
    await register(store, { fileId: 'f1', batches: ['b1', 'b2', 'long'] });
    const long = save(store, { batchId: 'long', emails: addresses(3_000) });
    const saves = Array.from({ length: effort(60, 300) }, (_, i) =>
      save(store, { batchId: i % 2 ? 'b1' : 'b2', emails: addresses(i + 1) }),
    );
    const page = pageOf(store, { fileId: 'f1', page: 1, limit: 10 });
    await Promise.all([store.close(), store.close()]);
    await store.close();
    for (const { outcome } of await Promise.all([long, ...saves])) expect(outcome).toBe('applied');
    await page;
  });

  it('refuses every call afterwards, and answers it', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map([['b1', ['a']]]));
    await store.close();
    const calls = [
      store.updates.fileOfBatch('b1'),
      store.updates.register(registration({ fileId: 'f1' }), VALIDATOR),
      save(store, { batchId: 'b1', emails: ['a', 'b'] }),
      store.updates.fail('f1', 'b1', ''),
      store.updates.markStalled({ begunBefore: 0, queuedBefore: 0 }),
      store.files.remove('f1'),
      store.files.find('f1'),
      store.files.batches('f1'),
      store.files.batchCounts('f1'),
      store.updates.heldCounts(),
      store.submissions.take({ owner: 'o', ms: 1 }),
      store.submissions.next('s'),
      store.submissions.addresses('s', 0),
      store.submissions.end('s'),
      store.changes.since('f1', new Map()),
      store.changes.markAnnounced('f1', '1', { changes: 1, batches: new Map() }, keptStats('{}')),
      store.changes.unannounced(),
      pageOf(store, { fileId: 'f1', page: 1, limit: 1 }),
      scanned(store, 'f1'),
      store.files.list({ limit: 1, after: null }),
      store.deadLetters.add({ inlet: 'pubsub', reason: '', payload: '' }),
      store.deadLetters.list({ limit: 1, after: null, payloadBytes: 1 }),
      store.deadLetters.find('f'),
      store.deadLetters.discard('f'),
      store.revocations.add({ sub: 'jane', at: 1 }),
      store.revocations.since(null),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'Fault', code: 'unavailable' } });
    }
  });

  it('closes while a file is read and deleted', async () => {
    const { store } = await own();
    await fill(store, 'f1', new Map([['b1', addresses(5_000)]]));
    const scan = scanned(store, 'f1').catch((error: unknown) => error);
    const removal = store.files.remove('f1').catch((error: unknown) => error);
    await store.close();
    // Either may be refused, but each gets an answer.
    const unavailable = expect.objectContaining({ code: 'unavailable' });
    expect([true, unavailable]).toContainEqual(await removal);
    expect([expect.any(Array), unavailable]).toContainEqual(await scan);
  });
}
