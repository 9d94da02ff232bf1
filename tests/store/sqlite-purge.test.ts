/** Files of many batches are purged by themselves: other writes wait for no more than one of them. */
import { expect, test } from '@jest/globals';
import { Database } from '../../src/store/sqlite/database.js';
import { fileWrites } from '../../src/store/sqlite/files.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { onTeardown } from '../support/teardown.js';

test('files are purged together until their batches are too many', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  for (const [at, batches] of [900, 900, 900, 5_000, 1].entries()) {
    const times = { createdAt: at, updatedAt: at, lastMessageAt: at, finishedAt: at };
    db.insert('generations', { fileId: `f${at}`, requestId: 'r', batches, ...times });
  }
  const purge = () => fileWrites.purge(db, 9);
  expect([purge(), purge(), purge(), purge(), purge()]).toEqual([['f0', 'f1'], ['f2'], ['f3'], ['f4'], []]);
});
