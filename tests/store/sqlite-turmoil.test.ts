import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expectConsistent, listsOf, pageOf, register, save, scanned } from '../contracts/store/harness.js';
import { addresses } from '../support/updates.js';
import { openStore } from './directory.js';

const FILES = 6;
const BATCHES = 8;

type Deed =
  | 'save'
  | 'again'
  | 'read'
  | 'search'
  | 'scan'
  | 'news'
  | 'remove'
  | 'register'
  | 'replace'
  | 'fail'
  | 'stall'
  | 'list';

/** A mix of everything, in an order that a failure can be repeated with. */
function deeds(count: number, seed: number): { deed: Deed; file: number; batch: number; size: number }[] {
  const deed = fc.oneof(
    { weight: 60, arbitrary: fc.constant('save' as const) },
    { weight: 10, arbitrary: fc.constantFrom('again' as const, 'read', 'search', 'scan', 'news') },
    { weight: 4, arbitrary: fc.constantFrom('register' as const, 'fail', 'stall', 'list') },
    { weight: 1, arbitrary: fc.constantFrom('remove' as const, 'replace') },
  );
  const one = fc.record({
    deed,
    file: fc.nat(FILES - 1),
    batch: fc.nat(BATCHES - 1),
    size: fc.nat({ max: 60 }),
  });
  return (
    fc.sample(fc.array(one, { minLength: count, maxLength: count, size: 'max' }), { seed, numRuns: 1 })[0] ??
    []
  );
}

it('is consistent after two thousand calls at once, in any order', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const store = await openStore();
  const requests = new Map<string, number>();
  const done = deeds(2_000, seed).map(async ({ deed, file, batch, size }, at) => {
    const fileId = `f${file}`;
    const request = requests.get(fileId) ?? 0;
    const requestId = `r${request}`;
    const batchId = `${batch} of ${fileId}`;
    const emails = addresses(size, at % 5 === 0 ? `run${at}-` : 'a');
    switch (deed) {
      case 'save':
        return save(store, { batchId, fileId, requestId, emails, isComplete: at % 7 === 0 });
      case 'again':
        return save(store, { batchId, emails });
      case 'read':
        return pageOf(store, { fileId, page: 1 + (at % 3), limit: 1 + size });
      case 'search':
        return pageOf(store, { fileId, page: 1, limit: 50, email: 'A1', status: ['deliverable'] });
      case 'scan':
        // A file may go while it is read: then the scan says so.
        return scanned(store, fileId).catch((error: Error) => expect(error.message).toContain('changed'));
      case 'news':
        return store.changes.since(fileId, new Map());
      case 'register':
        return register(store, { fileId, requestId, batches: [batchId], totalEmails: size });
      case 'replace':
        requests.set(fileId, request + 1);
        return register(store, { fileId, requestId: `r${request + 1}`, batches: [batchId] });
      case 'fail':
        return store.updates.fail(fileId, batchId, 'gave up');
      case 'stall':
        return store.updates.markStalled({ begunBefore: Date.now() - 5, queuedBefore: Date.now() - 5 });
      case 'list':
        return store.files.list({ limit: 10, after: null });
      case 'remove':
        requests.set(fileId, request + 1);
        return store.files.remove(fileId);
    }
  });
  const outcomes = await Promise.allSettled(done);
  const rejected = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect({ seed, rejected }).toEqual({ seed, rejected: [] });
  for (let file = 0; file < FILES; file++) {
    await expectConsistent(store, `f${file}`);
    for (const list of Object.values(await listsOf(store, `f${file}`))) {
      // Whatever list has won, it is one that was sent, from its first place to its last.
      const name = list[0]?.replace(/0@.*/, '') ?? '';
      expect(list).toEqual(addresses(list.length, name));
    }
  }
});
