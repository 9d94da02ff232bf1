import { expect, it } from '@jest/globals';
import type { ReceiptClaim } from '../../../src/store/receipts.js';
import { eventually } from '../../support/eventually.js';
import { register, type Stores } from './harness.js';

const HOUR_MS = 3_600_000;

export function receipts({ shared }: Stores): void {
  const claimOf = (fileId: string, more: Partial<ReceiptClaim> = {}): ReceiptClaim => ({
    fileId,
    key: 'k',
    fingerprint: 'p',
    owner: 'first',
    leaseMs: HOUR_MS,
    keepMs: HOUR_MS,
    ...more,
  });

  it('gives a key to one of several claims, and its answer to the others', async () => {
    const { store, f1 } = shared();
    const owners = Array.from({ length: 8 }, (_, i) => `owner ${i}`);
    const claimed = await Promise.all(owners.map((owner) => store.receipts.claim(claimOf(f1, { owner }))));
    expect(claimed.filter(({ state }) => state === 'mine')).toHaveLength(1);
    expect(claimed.filter(({ state }) => state === 'under way')).toHaveLength(7);
    const owner = owners[claimed.findIndex(({ state }) => state === 'mine')] ?? '';
    await store.receipts.complete(claimOf(f1, { owner }), '{"a":1}');
    expect(await store.receipts.claim(claimOf(f1))).toEqual({ state: 'answered', answer: '{"a":1}' });
  });

  it('distinguishes another list, another key and another file', async () => {
    const { store, f1, f2 } = shared();
    expect(await store.receipts.claim(claimOf(f1))).toEqual({ state: 'mine' });
    expect(await store.receipts.claim(claimOf(f1, { fingerprint: 'q' }))).toEqual({ state: 'another list' });
    expect(await store.receipts.claim(claimOf(f1, { key: 'k ' }))).toEqual({ state: 'mine' });
    expect(await store.receipts.claim(claimOf(f2, { fingerprint: 'q' }))).toEqual({ state: 'mine' });
    await store.receipts.complete(claimOf(f1), 'a');
    expect(await store.receipts.claim(claimOf(f1, { fingerprint: 'q' }))).toEqual({ state: 'another list' });
  });

  it('frees a key under which nothing was submitted, for its owner only', async () => {
    const { store, f1 } = shared();
    await store.receipts.claim(claimOf(f1));
    await store.receipts.complete(claimOf(f1, { owner: 'another' }), null);
    await store.receipts.complete(claimOf(f1, { owner: 'another' }), 'not the answer');
    expect(await store.receipts.claim(claimOf(f1))).toEqual({ state: 'under way' });
    await store.receipts.complete(claimOf(f1), null);
    expect(await store.receipts.claim(claimOf(f1, { fingerprint: 'q' }))).toEqual({ state: 'mine' });
  });

  it('lets a key be claimed again whose owner has died', async () => {
    const { store, f1 } = shared();
    await store.receipts.claim(claimOf(f1, { leaseMs: 0 }));
    expect(await store.receipts.claim(claimOf(f1, { owner: 'second' }))).toEqual({ state: 'mine' });
    // The first owner was only slow: it must not complete a claim that is another's now.
    await store.receipts.complete(claimOf(f1), 'late');
    expect(await store.receipts.claim(claimOf(f1))).toEqual({ state: 'under way' });
  });

  it('forgets an answer when its time is over', async () => {
    const { store, f1 } = shared();
    await store.receipts.claim(claimOf(f1, { keepMs: 50 }));
    await store.receipts.complete(claimOf(f1), 'a');
    const since = Date.now();
    await eventually('the time is over', () => Date.now() > since + 60);
    expect(await store.receipts.claim(claimOf(f1, { fingerprint: 'q' }))).toEqual({ state: 'mine' });
  });

  it('drops the answers with the file, whose submissions are gone', async () => {
    const { store, f1 } = shared();
    await register(store, { fileId: f1, batches: [] });
    await store.receipts.claim(claimOf(f1));
    await store.receipts.complete(claimOf(f1), 'a');
    await store.files.remove(f1);
    expect(await store.receipts.claim(claimOf(f1, { fingerprint: 'q' }))).toEqual({ state: 'mine' });
  });
}
