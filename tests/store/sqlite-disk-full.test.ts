import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { FatalError } from '../../src/errors.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { expectConsistent, listsOf, register, save } from '../contracts/store/harness.js';
import { describeWithDisk, fillUp, MIB, makeRoom, smallDisk } from '../support/small-disk.js';
import { addresses } from '../support/updates.js';
import { LIMITS, MARK, openStore, traces } from './directory.js';

const SMALL = 10 * MIB;

describeWithDisk('a full disk', () => {
  it('loses no acknowledged update, refuses the others, and accepts updates again once there is room', async () => {
    const disk = smallDisk(SMALL);
    const directory = join(disk, 'data');
    const store = await openStore(directory);
    await register(store, { fileId: 'f1', batches: ['b1', 'b2'] });
    fillUp(disk, MIB);
    const safe = new Map<string, number>();
    let refused = 0;
    for (let count = 100; refused < 20; count += 100) {
      const saves = ['b1', 'b2'].map(async (batchId) => {
        await save(store, { batchId, emails: addresses(count, batchId) });
        safe.set(batchId, count);
      });
      // A read in the same commit as what finds no room is answered.
      const isThere = store.files.find('f1').then((file) => file !== null);
      const outcomes = await Promise.allSettled(saves);
      expect(await isThere).toBe(true);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue;
        refused++;
        expect(outcome.reason).toMatchObject({ name: 'Fault', code: 'unavailable', retryAfterSeconds: 1 });
      }
    }
    expect(safe.size).toBeGreaterThan(0);
    // Stored results can be read on a full disk as well.
    const full = await listsOf(store, 'f1');
    for (const [batchId, count] of safe) expect(full[batchId]).toEqual(addresses(count, batchId));
    await expectConsistent(store, 'f1');

    makeRoom(disk);
    for (const batchId of ['b1', 'b2']) {
      const emails = addresses(9_000, batchId);
      expect((await save(store, { batchId, emails, isComplete: true })).outcome).toBe('applied');
    }
    await expectConsistent(store, 'f1');
    await store.close();
    const reopened = await openStore(directory);
    expect((await listsOf(reopened, 'f1')).b2).toEqual(addresses(9_000, 'b2'));
  });

  it('deletes when there is room again', async () => {
    const disk = smallDisk(SMALL);
    const directory = join(disk, 'data');
    const store = await openStore(directory);
    await save(store, { batchId: 'b1', fileId: 'f1', emails: addresses(3_000, MARK), isComplete: true });
    fillUp(disk);
    const first = await store.files.remove('f1').catch((error: unknown) => error);
    if (first !== true) expect(first).toMatchObject({ name: 'Fault', code: 'unavailable' });
    makeRoom(disk);
    // Whether the first call ended the file or not: the second one deletes it and all that is left of it.
    await store.files.remove('f1');
    await save(store, { batchId: 'b2', fileId: 'f2', emails: ['a'] });
    await store.files.remove('f2');
    expect(await store.files.find('f1')).toBeNull();
    expect(traces(disk)).toEqual([]);
    expect(traces(directory)).toEqual([]);
  });

  it('is named as the reason why a database cannot be opened, which stays unchanged', async () => {
    const disk = smallDisk(SMALL);
    const directory = join(disk, 'data');
    const store = await openStore(directory);
    await save(store, { batchId: 'b1', fileId: 'f1', emails: addresses(100) });
    await store.close();
    for (const target of [join(disk, 'new'), directory]) {
      fillUp(disk);
      const opened = await SqliteStore.open({ directory: target, ...LIMITS }).catch(
        (error: unknown) => error,
      );
      if (opened instanceof SqliteStore) {
        // An old database may be read on a full disk, but an update that cannot be stored is refused.
        const kept = save(opened, { batchId: 'b9', fileId: 'f9', emails: addresses(1_000) });
        await expect(kept).rejects.toMatchObject({ code: 'unavailable' });
        await opened.close();
      } else {
        expect(opened).toBeInstanceOf(FatalError);
        expect((opened as FatalError).message).toContain('the disk is full');
      }
      makeRoom(disk);
    }
    const reopened = await openStore(directory);
    expect((await listsOf(reopened, 'f1')).b1).toEqual(addresses(100));
  });
});
