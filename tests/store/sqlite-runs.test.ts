import { expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { saveUpdate } from '../../src/store/sqlite/batches/save-update.js';
import { cleanUpSome, needsCleanUp } from '../../src/store/sqlite/clean-up.js';
import { Database } from '../../src/store/sqlite/database.js';
import { fileWrites } from '../../src/store/sqlite/files.js';
import { openForReading } from '../../src/store/sqlite/open.js';
import { deleteSomeOfIndex, mergeSome, needsMerge } from '../../src/store/sqlite/results/runs.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { pageOf, register, save } from '../contracts/store/harness.js';
import { eventually } from '../support/eventually.js';
import { OPERATOR } from '../support/operator.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { emailsOf, entry, update } from '../support/updates.js';
import { marked, openStore, traces } from './directory.js';

/** Addresses in one run, and the full runs that are merged. */
const RUN = 1024;
const MERGED = 16;

test('runs of the index are merged while searches find everything once, and go with the file', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  const raw = openForReading(directory);
  onTeardown(() => raw.close());
  const batchIds = Array.from({ length: MERGED + 1 }, (_, n) => `b${n}`);
  await register(store, { fileId: 'f', batches: batchIds });
  const addressOf = (batch: number, n: number) =>
    `${n % 7}.${batch}.${n}@${n % 3 ? 'often' : `seldom${n}`}.example`;
  const emailsIn = (batch: number) => Array.from({ length: RUN }, (_, n) => entry(addressOf(batch, n)));
  const search = async (email: string) => {
    const { total, results } = await pageOf(store, { fileId: 'f', page: 1, limit: 500, email });
    return { total, found: emailsOf(results) };
  };
  for (const [batch, batchId] of batchIds.entries()) {
    await save(store, { batchId, emails: emailsIn(batch), isComplete: true });
    // Whatever a merge has moved by now.
    expect(await search('3.0.')).toMatchObject({ total: Math.ceil((RUN - 3) / 7) });
    expect((await search('seldom3.')).total).toBe(batch + 1);
    expect((await search('@often')).total).toBe((batch + 1) * (RUN - Math.ceil(RUN / 3)));
  }
  const runs = () =>
    raw.all<{ run: number; level: number; target: number | null }>('SELECT run, level, target FROM runs');
  await eventually('the full runs are merged', () => runs().every(({ target }) => target === null));
  expect(runs()).toEqual([
    { run: -1, level: 1, target: null },
    { run: MERGED, level: 0, target: null },
  ]);
  expect((await search('@often')).total).toBe(batchIds.length * (RUN - Math.ceil(RUN / 3)));
  expect((await search('seldom3.')).found).toEqual(batchIds.map((_, batch) => addressOf(batch, 3)));

  // A list that is replaced takes its entries out of the merged run.
  await save(store, { batchId: 'b0', emails: [marked(1)], isComplete: true, processedCount: RUN + 1 });
  expect((await search('3.0.')).total).toBe(0);
  expect((await search('seldom3.')).total).toBe(MERGED);
  expect((await search(marked(1))).found).toEqual([marked(1)]);
  await store.files.remove('f');
  expect(traces(directory)).toEqual([]);
  for (const table of ['runs', 'addresses', 'domains', 'rollups'])
    expect(raw.all(`SELECT 1 AS one FROM ${table}`)).toEqual([]);
});

test('a step of a merge moves few entries, also where all those of one run come before those of another', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  for (let batch = 0; batch <= MERGED; batch++) {
    const emails = Array.from({ length: RUN }, (_, n) => `${99 - batch}.${n}@${99 - batch}.${n}.example`);
    saveUpdate(db, update({ batchId: `b${batch}`, fileId: 'f', emails }), VALIDATOR, 0);
  }
  for (const table of ['addresses', 'domains']) {
    const merged = () =>
      db.get<{ rows: number }>(`SELECT count(*) AS rows FROM ${table} WHERE run < 0`)?.rows ?? 0;
    for (let before = 0; before < MERGED * RUN; before = merged()) {
      expect(mergeSome(db)).toBe(true);
      expect(merged()).toBeGreaterThan(before);
      expect(merged() - before).toBeLessThanOrEqual(1_024 + MERGED * 128);
    }
  }
  while (needsMerge(db)) mergeSome(db);
  expect(db.get('SELECT count(*) AS runs FROM runs')).toEqual({ runs: 2 });
});

/** The driver ends a text at its first NUL when it reads one. */
const WITH_NUL = (n: number) => [`\u0000${n}@x.example`, `a\u0000${n}@b\u0000${n}`, `${n}@\u0000`];

test('addresses with a NUL are merged like others', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  for (let batch = 0; batch <= MERGED; batch++) {
    const emails = Array.from({ length: RUN }, (_, n) =>
      batch < 2 ? (WITH_NUL(n)[n % 3] as string) : `${batch}.${n}@x.example`,
    );
    saveUpdate(db, update({ batchId: `b${batch}`, fileId: 'f', emails }), VALIDATOR, 0);
  }
  const keys = (table: string, which: string) =>
    db.all(`SELECT hex(key) AS hex, place FROM ${table} WHERE ${which} ORDER BY key, place`);
  const tables = ['addresses', 'domains'];
  const before = tables.map((table) => keys(table, `run < ${MERGED}`));
  // Each step has moved something, or has ended the merge.
  for (let steps = 0; needsMerge(db); steps++) {
    mergeSome(db);
    expect(steps).toBeLessThan(1_000);
  }
  expect(tables.map((table) => keys(table, 'run < 0'))).toEqual(before);
});

test.each(WITH_NUL(0))('a file with the address %j is cleaned up, and the ones after it', (email) => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  const files = { f: email, g: 'plain@x.example' };
  for (const [fileId, address] of Object.entries(files))
    saveUpdate(db, update({ batchId: `b of ${fileId}`, fileId, emails: [address] }), VALIDATOR, 0);
  for (const fileId of Object.keys(files)) fileWrites.end(db, fileId, OPERATOR);
  for (let steps = 0; needsCleanUp(db); steps++) {
    cleanUpSome(db, 0, false);
    expect(steps).toBeLessThan(50);
  }
  for (const table of ['addresses', 'domains', 'chunks', 'runs'])
    expect(db.all(`SELECT 1 AS one FROM ${table}`)).toEqual([]);
});

test('a file with more addresses than one step of clean-up deletes is cleaned up in several', () => {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  const emails = Array.from({ length: 5 * RUN }, (_, n) => `\u0000${n}@${n}.example`);
  saveUpdate(db, update({ batchId: 'b', fileId: 'f', emails }), VALIDATOR, 0);
  while (needsMerge(db)) mergeSome(db);
  db.run('UPDATE addresses SET run = 0');
  const left = () => db.get<{ rows: number }>('SELECT count(*) AS rows FROM addresses')?.rows ?? 0;
  const deleted: number[] = [];
  for (let before = left(); deleteSomeOfIndex(db, 1) && left() < before; before = left())
    deleted.push(before - left());
  expect(deleted).toEqual([2 * RUN, 2 * RUN, RUN]);
  while (deleteSomeOfIndex(db, 1));
  expect(db.all('SELECT 1 AS one FROM domains')).toEqual([]);
});
