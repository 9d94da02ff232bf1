import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/errors.js';
import { Database } from '../../src/store/sqlite/database.js';
import { refusalOf as reasonOf } from '../../src/store/sqlite/refusals.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { listsOf, register, save } from '../contracts/store/harness.js';
import { describeWithDisk, fillUp, MIB, makeRoom, smallDisk } from '../support/small-disk.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { addresses } from '../support/updates.js';
import { retry } from '../support/wait.js';
import { LIMITS, MARK, marked, openStore, traces } from './directory.js';

/** Why a call is refused, and its code; null: it is not. */
async function refusalOf(call: Promise<unknown>): Promise<string | null> {
  const error = await call.then(
    () => null,
    (reason: Fault) => reason,
  );
  return error === null ? null : `${error.code} ${error.refusal?.reason} ${error.refusal?.code}`;
}

describe('files that are taken away under an open database', () => {
  it.each(['verigate.db', 'verigate.db-wal', 'verigate.lock'])('are noticed: %s', async (name) => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    await save(store, { batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await store.probe();
    renameSync(join(directory, name), join(directory, 'aside'));
    const gone = 'unavailable refused FILE_GONE';
    expect(await refusalOf(store.probe())).toBe(gone);
    expect(await refusalOf(save(store, { batchId: 'b1', emails: ['a', 'b'] }))).toBe(gone);
    // What is stored can still be read, and saved elsewhere.
    expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'] });
    writeFileSync(join(directory, name), '');
    expect(await refusalOf(store.probe())).toBe(gone);
    rmSync(join(directory, name));
    renameSync(join(directory, 'aside'), join(directory, name));
    await store.probe();
    await save(store, { batchId: 'b1', emails: ['a', 'b'] });
    expect(await listsOf(store, 'f1')).toEqual({ b1: ['a', 'b'] });
  });
});

it('a file that is cut off under an open database is noticed, and nothing is stored any more', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  await save(store, { batchId: 'b1', fileId: 'f1', emails: ['a'] });
  // What is left to do after the start is done by then.
  for (let turn = 0; turn < 4; turn++) await store.probe();
  truncateSync(join(directory, 'verigate.db'), 0);
  const cut = 'unavailable refused FILE_CUT';
  expect(await refusalOf(save(store, { batchId: 'b1', emails: ['a', 'b'] }))).toBe(cut);
  expect(await refusalOf(store.probe())).toBe(cut);
});

it.each([0, 1, 2])(
  'a log that is cut off under an open database is noticed: to %i halves',
  async (halves) => {
    const directory = temporaryDirectory();
    const store = await openStore(directory);
    await save(store, { batchId: 'b1', fileId: 'f1', emails: addresses(500) });
    for (let turn = 0; turn < 4; turn++) await store.probe();
    const log = join(directory, 'verigate.db-wal');
    truncateSync(log, Math.floor((statSync(log).size * halves) / 2));
    const noticed = halves === 2 ? null : 'unavailable refused FILE_CUT';
    expect(await refusalOf(save(store, { batchId: 'b1', emails: addresses(501) }))).toBe(noticed);
    expect(await refusalOf(store.probe())).toBe(noticed);
  },
);

it('a log that another program writes back and makes empty goes on being used', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  const other = new Database(join(directory, 'verigate.db'));
  onTeardown(() => other.close());
  for (let count = 1; count < 4; count++) {
    await save(store, { batchId: 'b1', fileId: 'f1', emails: addresses(count) });
    await store.probe();
    other.all('PRAGMA wal_checkpoint(TRUNCATE)');
  }
  expect(statSync(join(directory, 'verigate.db-wal')).size).toBe(0);
  await store.probe();
  expect(await listsOf(store, 'f1')).toEqual({ b1: addresses(3) });
});

it('a file that another program makes shorter as the database allows, by VACUUM, goes on being used', async () => {
  const directory = temporaryDirectory();
  const store = await openStore(directory);
  const other = new Database(join(directory, 'verigate.db'));
  onTeardown(() => other.close());
  const bytes = () => statSync(join(directory, 'verigate.db')).size;
  const writeBack = () => other.all('PRAGMA wal_checkpoint(TRUNCATE)');
  other.exec('CREATE TABLE other AS SELECT randomblob(1000000) AS bytes');
  writeBack();
  await store.probe();
  const before = bytes();
  other.exec('DROP TABLE other');
  other.exec('VACUUM');
  writeBack();
  expect(bytes()).toBeLessThan(before);
  await save(store, { batchId: 'b1', fileId: 'f1', emails: ['a'] });
  expect(await listsOf(store, 'f1')).toEqual({ b1: ['a'] });
});

describeWithDisk('a disk that has become read-only', () => {
  it('is told from one that is broken', () => {
    const disk = smallDisk(MIB);
    const failed = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' });
    expect(reasonOf(failed, disk)).toEqual({ reason: 'refused', code: 'SQLITE_IOERR_WRITE' });
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    expect(reasonOf(failed, disk)).toEqual({ reason: 'read_only', code: 'SQLITE_IOERR_WRITE' });
  });
});

describeWithDisk('a full disk', () => {
  async function openWithReserve(directory: string): Promise<SqliteStore> {
    const store = await SqliteStore.open({ directory, ...LIMITS, diskReserveBytes: 8 * MIB });
    onTeardown(() => store.close());
    return store;
  }

  const full = 'unavailable disk_full ENOSPC';

  it('is reported without an update, and deleting works; then all goes on without help', async () => {
    const disk = smallDisk(32 * MIB);
    const directory = join(disk, 'data');
    const store = await openWithReserve(directory);
    for (let batch = 0; batch < 6; batch++) {
      const emails = Array.from({ length: 3_000 }, (_, index) => marked(`${batch}.${index}`));
      await save(store, { batchId: `x${batch}`, fileId: 'f1', emails });
    }
    await save(store, { batchId: 'b2', fileId: 'f2', emails: addresses(100), isComplete: true });
    await store.probe();
    expect(statSync(join(directory, 'verigate.reserve')).size).toBeGreaterThan(MIB / 2);

    // Another program takes all the room that is left.
    fillUp(disk);
    expect(await refusalOf(store.probe())).toBe(full);
    expect(await refusalOf(save(store, { batchId: 'b2', emails: addresses(101) }))).toBe(full);
    expect(await listsOf(store, 'f2')).toEqual({ b2: addresses(100) });
    expect(traces(directory)).not.toEqual([]);

    expect(await store.files.remove('f1')).toBe(true);
    expect(await store.files.find('f1')).toBeNull();
    expect(traces(directory)).toEqual([]);
    // What was deleted has made room enough: the reserve is there again, and updates are taken.
    await retry(() => store.probe());
    expect(statSync(join(directory, 'verigate.reserve')).size).toBe(8 * MIB);
    await save(store, { batchId: 'b3', fileId: 'f3', emails: addresses(100), isComplete: true });
    expect(await listsOf(store, 'f2')).toEqual({ b2: addresses(100) });
  });

  it('does not keep a gateway from starting and deleting', async () => {
    const disk = smallDisk(32 * MIB);
    const directory = join(disk, 'data');
    const first = await openWithReserve(directory);
    await save(first, { batchId: 'b1', fileId: 'f1', emails: addresses(4_000, MARK), isComplete: true });
    await first.close();
    fillUp(disk);
    const store = await openWithReserve(directory);
    expect(await refusalOf(store.probe())).toBe(full);
    expect(await store.files.remove('f1')).toBe(true);
    expect(traces(directory)).toEqual([]);
    makeRoom(disk);
    await store.probe();
    await register(store, { fileId: 'f2', batches: ['b2'] });
  });
});
