/** What a batch had before its list was replaced: no read finds it, and it is deleted some at a time. */
import { expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { RecentLists } from '../../src/store/recent-lists.js';
import { saveUpdate } from '../../src/store/sqlite/batches/save-update.js';
import { cleanUpSome, needsCleanUp } from '../../src/store/sqlite/clean-up.js';
import { Database } from '../../src/store/sqlite/database.js';
import { fileWrites } from '../../src/store/sqlite/files.js';
import { type ReadingThread, updateStore, type WritingThread } from '../../src/store/sqlite/parts.js';
import { readPage } from '../../src/store/sqlite/results/pages.js';
import { scanSlice, scanStart } from '../../src/store/sqlite/results/scan.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, emailsOf, entry, update } from '../support/updates.js';

const LENGTH = 200;

/** A file `f` with a list of a batch `b` beside that of another batch; each call of `rewrite` replaces the former. */
function rewritten() {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  let count = LENGTH;
  const save = (batchId: string, name: string, length: number) =>
    saveUpdate(
      db,
      update({
        batchId,
        fileId: 'f',
        requestId: 'r1',
        emails: addresses(length, name),
        processedCount: ++count,
      }),
      VALIDATOR,
      0,
    );
  save('beside', 'same', 10);
  save('b', 'old', LENGTH);
  return { db, rewrite: (name: string, length: number) => save('b', name, length) };
}

const page = (db: Database, filter: object) => readPage(db, { fileId: 'f', page: 1, limit: 5, ...filter });
const rowsOf = (db: Database, table: string) =>
  db.get<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`)?.rows;
const sizes = (db: Database) => ['chunks', 'addresses', 'hidden_lists'].map((table) => rowsOf(db, table));

test('a list that was replaced is found by nothing, and deleted in several steps', () => {
  const { db, rewrite } = rewritten();
  expect(needsCleanUp(db)).toBe(false);
  for (const name of ['newer', 'same']) rewrite(name, 100);
  expect(sizes(db)).toEqual([1 + 4 + 2 + 2, 10 + LENGTH + 100 + 100, 2]);
  const check = () => {
    for (const email of ['old', 'newer'])
      expect(page(db, { email })).toMatchObject({ total: 0, results: [] });
    expect(page(db, { email: 'same' })?.total).toBe(110);
    expect(page(db, { email: 'example.com' })?.total).toBe(110);
    expect(page(db, { status: ['deliverable'], page: 22 })?.results[4]).toMatchObject({ position: 99 });
    const start = scanStart(db, 'f');
    const all = start === null ? [] : scanSlice(db, start, {}).results;
    expect(emailsOf(all)).toEqual([...addresses(10, 'same'), ...addresses(100, 'same')]);
  };
  check();
  let steps = 0;
  for (; needsCleanUp(db); steps++) {
    cleanUpSome(db, 0, true);
    check();
  }
  expect(steps).toBe(4 + 1 + 2 + 1);
  expect(sizes(db)).toEqual([1 + 2, 110, 0]);
});

test('what was replaced goes with its file, and with its request', () => {
  for (const end of ['delete', 'replace']) {
    const { db, rewrite } = rewritten();
    rewrite('newer', 0);
    if (end === 'delete') fileWrites.end(db, 'f', VALIDATOR);
    else {
      const again = update({ batchId: 'b', fileId: 'f', requestId: 'r2', emails: [entry('x@example.com')] });
      saveUpdate(db, again, VALIDATOR, 0);
    }
    while (needsCleanUp(db)) cleanUpSome(db, 0, false);
    expect(sizes(db)).toEqual(end === 'delete' ? [0, 0, 0] : [1, 1, 0]);
  }
});

test('a batch has four lists that wait to be deleted: beyond that it is said to be crowded', () => {
  const { db, rewrite } = rewritten();
  const crowded = (name: string) => rewrite(name, 10).isCrowded;
  expect(['a', 'b', 'c', 'd'].map(crowded)).toEqual([false, false, false, true]);
  while (rowsOf(db, 'hidden_lists') === 4) cleanUpSome(db, 0, true);
  expect([crowded('e'), rewrite('e', 11).isCrowded]).toEqual([true, true]);
  expect(page(db, { email: 'example.com' })?.total).toBe(10 + 11);
});

test('a rewrite is answered when it is stored; where many lists wait to be deleted, the next update of its batch waits', async () => {
  let saves = 0;
  let fail = (_error: Error) => {};
  const writer = {
    inSteps: async () => ({ outcome: 'applied', fileId: 'f', isCrowded: ++saves === 1 }),
    call: () => new Promise((_, reject) => (fail = reject)),
  } as unknown as WritingThread;
  const { save } = updateStore(writer, {} as ReadingThread, new RecentLists());
  const saved = (batchId: string) => save(update({ batchId, emails: addresses(1) }), VALIDATOR);
  expect(await saved('b')).toEqual({ outcome: 'applied', fileId: 'f' });
  const next = saved('b');
  await saved('beside');
  expect(saves).toBe(2);
  fail(new Error('the disk is full'));
  expect(await next).toEqual({ outcome: 'applied', fileId: 'f' });
  expect(saves).toBe(3);
});

test('a usual update goes to the writing thread before a call that comes after it', async () => {
  const calls: string[] = [];
  const call = async (operation: string) => {
    calls.push(operation);
    return { outcome: 'applied', fileId: 'f' };
  };
  const inSteps = <T>(work: (ask: typeof call) => Promise<T>) => work(call);
  const writer = { call, inSteps } as unknown as WritingThread;
  const { save, fileOfBatch } = updateStore(writer, {} as ReadingThread, new RecentLists());
  await Promise.all([save(update({ batchId: 'b', emails: addresses(1) }), VALIDATOR), fileOfBatch('b')]);
  expect(calls).toEqual(['updates.saveTail', 'updates.fileOfBatch']);
});
