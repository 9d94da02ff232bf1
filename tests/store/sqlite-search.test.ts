/** Searches look at all keys of a file, and hold up no other read. */
import { expect, test } from '@jest/globals';
import { pageOf, register, save } from '../contracts/store/harness.js';
import { emailsOf, entry } from '../support/updates.js';
import { openStore } from './directory.js';

const BATCHES = 5;
const BATCH = 1_000;
/** Longer than a key of the index: each address has to be read. */
const LONG = 'l'.repeat(300);

test('a search through a large file is asked before other reads, and answered after them', async () => {
  const store = await openStore();
  const batches = Array.from({ length: BATCHES }, (_, n) => `b${n}`);
  await register(store, { fileId: 'f', batches });
  const addressOf = (batch: number, n: number) => `${LONG}${n % 2 ? 'odd' : 'even'}.${batch}.${n}@x`;
  const emailsIn = (batch: number) => Array.from({ length: BATCH }, (_, n) => entry(addressOf(batch, n)));
  for (const [batch, batchId] of batches.entries())
    await save(store, { batchId, emails: emailsIn(batch), isComplete: true });

  const answered: string[] = [];
  const searching = pageOf(store, { fileId: 'f', page: 2, limit: 500, email: `${LONG}odd` }).finally(() =>
    answered.push('search'),
  );
  const reads = Array.from({ length: 3 }, async () => {
    await pageOf(store, { fileId: 'f', page: 1, limit: 1 });
    await store.files.find('f' as never);
    answered.push('read');
  });
  const { total, results } = await searching;
  await Promise.all(reads);
  expect(answered).toEqual(['read', 'read', 'read', 'search']);
  expect(total).toBe((BATCHES * BATCH) / 2);
  // The second page: the odd ones of the second batch.
  expect(emailsOf(results)).toEqual(Array.from({ length: 500 }, (_, n) => addressOf(1, 2 * n + 1)));
});
