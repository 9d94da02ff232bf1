import { expect, it } from '@jest/globals';
import { Guard } from '../../src/auth/guard.js';
import type { Principal } from '../../src/auth/principal.js';
import type { FileStore } from '../../src/store/store.js';

type Found = Awaited<ReturnType<FileStore['find']>>;

/** Look-ups of a file that the test answers. */
class LookUps {
  readonly waiting: ((owner: string) => void)[] = [];

  find(): Promise<Found> {
    return new Promise((resolve) => this.waiting.push((userId) => resolve({ userId } as Found)));
  }
}

const tokenOf = (sub: string): Principal => ({
  sub,
  scopes: new Set(['read']),
  files: new Set(),
  issuedAt: null,
  expiresAt: null,
});

function guardOn(files: LookUps) {
  return new Guard(null, files, { check: async () => undefined });
}

const isReadable = async (guard: Guard, sub: string) =>
  (await guard.readAccess(tokenOf(sub), 'f1')).isGranted;

it('reads the owner once for all who wait for it', async () => {
  const files = new LookUps();
  const guard = guardOn(files);
  const readers = ['ann', 'bob', 'ann'].map((sub) => isReadable(guard, sub));
  // Those who came during the first look-up share the next one.
  for (let lookUp = 0; lookUp < 2; lookUp++) {
    expect(files.waiting).toHaveLength(1);
    files.waiting.shift()?.('ann');
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(readers)).toEqual([true, false, true]);
  expect(files.waiting).toHaveLength(0);
});

it('never answers by a look-up that began before the question', async () => {
  const files = new LookUps();
  const guard = guardOn(files);
  const before = isReadable(guard, 'ann');
  const after = isReadable(guard, 'ann');
  files.waiting.shift()?.('ann');
  expect(await before).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  files.waiting.shift()?.('bob');
  expect(await after).toBe(false);
});
