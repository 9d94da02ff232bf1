/** Files are purged one by one, and what their batches add up to is read some batches at a time. */
import { expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { saveUpdate } from '../../src/store/sqlite/batches/save-update.js';
import { cleanUpSome, needsCleanUp } from '../../src/store/sqlite/clean-up.js';
import { Database } from '../../src/store/sqlite/database.js';
import { fileReads, fileWrites } from '../../src/store/sqlite/files.js';
import { register } from '../../src/store/sqlite/registration.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { registration } from '../contracts/store/harness.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, update } from '../support/updates.js';

function empty(): Database {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  return db;
}

/** As after its last announcement. */
const finish = (db: Database) =>
  db.run('UPDATE generations SET announcedChanges = changes, finishedAt = 1 WHERE state = 0');

test('the batches of a large file are read in several steps, and so are its counts deleted', () => {
  const db = empty();
  const batches = Array.from({ length: 4_500 }, (_, n) => `b${n}`);
  register(db, registration({ fileId: 'f', batches }), VALIDATOR, 0);
  for (const batchId of ['b0', 'b2000', 'b4499'])
    saveUpdate(db, update({ batchId, emails: addresses(2), isComplete: true }), VALIDATOR, 0);
  finish(db);
  const [file] = fileWrites.finished(db, 9);
  if (file === undefined) throw new Error('no file is to be purged');
  const steps: [batches: number, results: number][] = [];
  for (let from: number | null = 0; from !== null; ) {
    const { sum, next } = fileReads.sumOfBatches(db, file.generation, from);
    steps.push([sum.batches, sum.processed]);
    from = next;
  }
  expect(steps).toEqual([
    [2_000, 2],
    [2_000, 2],
    [500, 2],
  ]);
});

test('a file that has changed since it was read is not purged', () => {
  const db = empty();
  const save = (count: number) =>
    saveUpdate(db, update({ batchId: 'b', fileId: 'f', emails: addresses(count) }), VALIDATOR, 0);
  save(1);
  finish(db);
  const read = () => {
    const [file] = fileWrites.finished(db, 9);
    return file && { file, totals: fileReads.sumOfBatches(db, file.generation, 0).sum };
  };
  const first = read();
  save(2);
  finish(db);
  expect(first && fileWrites.purge(db, first.file, first.totals)).toBeNull();
  expect(fileWrites.find(db, 'f')?.purged).toBeUndefined();
  const second = read();
  expect(second && fileWrites.purge(db, second.file, second.totals)).toBe('f');
  expect(fileWrites.find(db, 'f')?.purged?.processed).toBe(2);
  expect(read()).toBeUndefined();
  while (needsCleanUp(db)) cleanUpSome(db, 0, false);
  expect(db.get('SELECT count(*) AS rows FROM rollups')).toEqual({ rows: 0 });
});
