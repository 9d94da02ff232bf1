/** What a deletion reads to discard dead letters. What it discards is in the stores' contract. */
import { expect, test } from '@jest/globals';
import { Database } from '../../src/store/sqlite/database.js';
import { discardDeadLettersOfFile } from '../../src/store/sqlite/dead-letters.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { onTeardown } from '../support/teardown.js';

/** How many times the batches of a file are read, of which a file that was registered again and again has a million. */
function readsOfBatches(deadLetter: { fileId: string | null; batchId: string | null }): number {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  db.insert('generations', { fileId: 'f1', createdAt: 0, updatedAt: 0, lastMessageAt: 0 });
  const rest = { id: '1', inlet: 'pubsub', reason: 'r', truncated: 0, bytes: 1, head: '{}', tail: '' };
  db.insert('dead_letters', { ...rest, ...deadLetter });
  let reads = 0;
  const counting = new Proxy(db, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (String(args[0]).includes('batches')) reads++;
        return value.apply(target, args);
      };
    },
  });
  discardDeadLettersOfFile(counting, 'f1');
  return reads;
}

test('a deletion reads no batch where no dead letter names one', () => {
  expect(readsOfBatches({ fileId: 'f1', batchId: null })).toBe(0);
  expect(readsOfBatches({ fileId: null, batchId: 'b1' })).toBe(1);
});
