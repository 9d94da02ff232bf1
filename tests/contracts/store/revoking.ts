import { expect, it } from '@jest/globals';
import type { Stores } from './harness.js';

/** Well-formed ids of users that a store may mistake for something else. */
const SUBS = ['jane', 'Jane', 'jane ', '$where', 'a.b', "o'hara", '__proto__', 'ü', '👩‍👧'];

export function revoking({ own, shared }: Stores): void {
  it('returns what was added since a mark, and all without one', async () => {
    const { store } = await own();
    const { revocations, mark } = await store.revocations.since(null);
    expect(revocations).toEqual([]);
    for (const [number, sub] of SUBS.entries()) await store.revocations.add({ sub, at: 1_000 + number });
    const added = SUBS.map((sub, number) => ({ sub, at: 1_000 + number }));
    for (const from of [null, mark]) {
      const found = await store.revocations.since(from);
      expect([...found.revocations].sort((a, b) => a.at - b.at)).toEqual(added);
    }
  });

  it('keeps the latest of a user, in whatever order and however many at once', async () => {
    const { store } = await own();
    const { mark } = await store.revocations.since(null);
    await Promise.all([5, 9, 7, 9, 1].map((at) => store.revocations.add({ sub: 'jane', at })));
    await store.revocations.add({ sub: 'jane', at: 3 });
    const first = await store.revocations.since(mark);
    expect(first.revocations).toEqual([{ sub: 'jane', at: 9 }]);
    await store.revocations.add({ sub: 'jane', at: 10 });
    expect((await store.revocations.since(first.mark)).revocations).toEqual([{ sub: 'jane', at: 10 }]);
  });

  it('is no part of any file', async () => {
    const { store, f1 } = shared();
    await store.revocations.add({ sub: f1, at: 1 });
    await store.files.remove(f1);
    expect((await store.revocations.since(null)).revocations).toContainEqual({ sub: f1, at: 1 });
  });
}
