/** Long lists are written in portions: no read finds one before it is whole, and what is cut off leaves nothing behind. */
import { expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { Fault } from '../../src/errors.js';
import { range } from '../../src/store/positions.js';
import { RecentLists } from '../../src/store/recent-lists.js';
import { saveUpdate } from '../../src/store/sqlite/batches/save-update.js';
import { cleanUpSome, needsCleanUp } from '../../src/store/sqlite/clean-up.js';
import { Database } from '../../src/store/sqlite/database.js';
import { fileWrites } from '../../src/store/sqlite/files.js';
import { type ReadingThread, updateStore, type WritingThread } from '../../src/store/sqlite/parts.js';
import { dropAllWritten } from '../../src/store/sqlite/results/hidden-lists.js';
import { readPage } from '../../src/store/sqlite/results/pages.js';
import { scanSlice, scanStart } from '../../src/store/sqlite/results/scan.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { writerOperations } from '../../src/store/sqlite/thread/operations.js';
import { register, registration } from '../contracts/store/harness.js';
import { effort } from '../support/effort.js';
import { onTeardown } from '../support/teardown.js';
import { addresses, emailsOf, type Message, update } from '../support/updates.js';

type Operations = Record<string, Record<string, (db: Database, ...args: unknown[]) => unknown>>;

/** Written in three portions. */
const LENGTH = 2_100;
/** So many are not applied by their registration. */
const DUE = 4_000;
const DELIVERABLE = ['deliverable'] as const;

/** A store whose writing thread calls `before` and `after` it does an operation. Batch `b` of file `f` has a few results. */
function storeWith(first: readonly string[] = []) {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  const held = { ttlMs: 1e9, maxBytes: 2 ** 30, dropped: 0 };
  const operations = writerOperations({ held, maxDeadLetterBytes: 2 ** 20 }) as unknown as Operations;
  const hook = { before: (_operation: string) => {}, after: async (_operation: string) => {} };
  const call = async (name: string, ...args: unknown[]) => {
    const [part = '', operation = ''] = name.split('.');
    hook.before(name);
    const value = operations[part]?.[operation]?.(db, ...args);
    await hook.after(name);
    return value;
  };
  const inSteps = <T>(work: (ask: typeof call) => Promise<T>) => work(call);
  const writer = { call, inSteps } as unknown as WritingThread;
  const opened = () => {
    const recent = new RecentLists();
    onTeardown(() => recent.close());
    return updateStore(writer, {} as ReadingThread, recent);
  };
  let updates = opened();
  const messageOf = (said: Partial<Message>) =>
    update({ batchId: 'b', fileId: 'f', requestId: 'r', emails: [], ...said });
  if (first.length > 0) saveUpdate(db, messageOf({ emails: first }), VALIDATOR, 0);
  return {
    db,
    hook,
    /** An update that does not name its file. */
    saveUnnamed: async (said: Partial<Message>) => {
      const message = { batchId: 'u', emails: [], ...said };
      return (await updates.save(update(message), VALIDATOR)).outcome;
    },
    /** Registers, and applies what is due then. */
    register: (fileId = 'f', requestId?: string) =>
      register({ updates }, { fileId, batches: ['u'], ...(requestId && { requestId }) }, VALIDATOR),
    /** As the sweep does. */
    applyDue: async () => {
      for (const { fileId, batchIds } of await updates.due())
        for (const batchId of batchIds) await updates.applyDue(fileId, batchId);
    },
    updates: () => updates,
    /** A short update, in one step. */
    saveShort: (said: Partial<Message>) => saveUpdate(db, messageOf(said), VALIDATOR, 0).outcome,
    saveLong: async (said: Partial<Message>) => (await updates.save(messageOf(said), VALIDATOR)).outcome,
    restart: () => {
      hook.after = async () => {};
      updates = opened();
      dropAllWritten(db);
    },
  };
}

/** All that reads say of the file, by each of the ways to read. */
function readsOf(db: Database, fileId = 'f'): unknown {
  const page = (filter: object) => readPage(db, { fileId, page: 1, limit: DUE, ...filter });
  const emails = (filter: object) => emailsOf(page(filter)?.results ?? []);
  const all: string[] = [];
  for (let at = scanStart(db, fileId); at !== null; ) {
    const slice = scanSlice(db, at, { status: DELIVERABLE });
    all.push(...emailsOf(slice.results));
    at = slice.next;
  }
  expect([emails({}), emails({ status: DELIVERABLE }), emails({ email: 'example.com' })]).toEqual([
    all,
    all,
    all,
  ]);
  return all;
}

const rowsIn = (db: Database, table: string) =>
  db.get<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`)?.rows;

/** Deletes what is to be deleted; what is left is what reads find. */
function expectNothingElse(db: Database, results: number): void {
  while (needsCleanUp(db)) cleanUpSome(db, 0, false);
  expect(['addresses', 'hidden_lists', 'due_updates'].map((table) => rowsIn(db, table))).toEqual([
    results,
    0,
    0,
  ]);
  expect(db.get('SELECT coalesce(sum(length), 0) AS results FROM chunks')).toEqual({ results });
}

const before = {
  'of a batch that is not registered': [],
  'that extends the stored one': addresses(10),
  'that replaces the stored one': addresses(1_500, 'other'),
};

for (const [what, first] of Object.entries(before)) {
  test(`no read finds a list ${what} before it is whole`, async () => {
    const { db, hook, saveLong } = storeWith(first);
    const seen: unknown[] = [];
    hook.after = async (operation) => {
      if (operation !== 'longLists.add') return;
      expect(readsOf(db)).toEqual(first);
      expect(needsCleanUp(db)).toBe(false);
      seen.push(rowsIn(db, 'addresses'));
    };
    const emails = addresses(LENGTH);
    expect(await saveLong({ emails, isComplete: true })).toBe('applied');
    expect(seen.length).toBe(3);
    expect(readsOf(db)).toEqual(emails);
    expect(needsCleanUp(db)).toBe(what === 'that replaces the stored one');
    expectNothingElse(db, LENGTH);
    expect(await saveLong({ emails, isComplete: true })).toBe('unchanged');
    expect(readsOf(db)).toEqual(emails);
  });

  test(`what is cut off of a list ${what} is deleted, wherever that happens`, async () => {
    for (const end of ['stops', 'fails'])
      for (let cut = 1; cut <= 6; cut++) {
        const { db, hook, saveLong, saveShort, restart } = storeWith(first);
        const calls: string[] = [];
        const emails = addresses(LENGTH);
        await new Promise<void>((resolve) => {
          hook.before = (operation) => {
            if (calls.push(operation) === cut && end === 'fails')
              throw new Fault('unavailable', 'the disk is full');
          };
          hook.after = async () => {
            if (calls.length !== cut) return;
            resolve();
            await new Promise(() => {});
          };
          void saveLong({ emails }).catch(() => resolve());
        });
        if (end === 'stops') restart();
        if (end === 'fails' || cut < 6) {
          expect(readsOf(db)).toEqual(first);
          // The batch is not kept waiting for the deletion.
          const more = [...first, 'more@example.com'];
          expect(saveShort({ emails: more, processedCount: LENGTH - 1 })).toBe('applied');
          expect(readsOf(db)).toEqual(more);
          expect(await saveLong({ emails })).toBe('applied');
        }
        expect(readsOf(db)).toEqual(emails);
        expectNothingElse(db, LENGTH);
      }
  });

  test(`of a list ${what} and others that come meanwhile the newest one is stored`, async () => {
    for (const name of ['a', 'late'])
      for (const processedCount of [LENGTH - 1, LENGTH + 1])
        for (let at = 1; at <= 5; at++) {
          const { db, hook, saveLong, saveShort } = storeWith(first);
          let calls = 0;
          const short = [...first, ...addresses(20, name)];
          hook.after = async () => {
            if (++calls === at) expect(saveShort({ emails: short, processedCount })).toBe('applied');
          };
          const emails = addresses(LENGTH);
          const isNewer = processedCount < LENGTH;
          expect(await saveLong({ emails })).toBe(
            isNewer || (first.length === 0 && at > 0) ? 'applied' : 'unchanged',
          );
          expect(readsOf(db)).toEqual(isNewer ? emails : short);
          expectNothingElse(db, isNewer ? LENGTH : short.length);
        }
  });

  test(`a list ${what} is superseded where its file is deleted meanwhile`, async () => {
    for (let at = 1; at <= 5; at++) {
      const { db, hook, saveLong } = storeWith(first);
      let calls = 0;
      hook.after = async () => {
        if (++calls !== at) return;
        fileWrites.end(db, 'f', VALIDATOR);
        // Nothing may come into it after its deletion is done.
        while (needsCleanUp(db)) cleanUpSome(db, 0, false);
      };
      expect(await saveLong({ emails: addresses(LENGTH) })).toBe('superseded');
      expectNothingElse(db, 0);
    }
  });
}

test('a long list is held with the newer of what is held of its batch, short or long', async () => {
  const [long, short] = [addresses(LENGTH), addresses(3, 'short')];
  const lists = { long: { emails: long, processedCount: 5 }, short: { emails: short, processedCount: 4 } };
  const orders = [
    [lists.long, lists.short, long],
    [lists.short, lists.long, long],
    [lists.long, { ...lists.short, processedCount: 6 }, short],
    [{ ...lists.long, processedCount: 3 }, { emails: addresses(LENGTH, 'x'), processedCount: 2 }, long],
  ] as const;
  for (const [first, second, stored] of orders) {
    const { db, saveUnnamed, register } = storeWith();
    expect(await saveUnnamed(first)).toBe('held');
    expect(await saveUnnamed(second)).toBe('held');
    expect(
      db.get('SELECT count(*) AS held, sum(held.bytes) = total.bytes AS same FROM held, held_total AS total'),
    ).toEqual({
      held: 1,
      same: 1,
    });
    expect((await register()).outcome).toBe('created');
    expect(readsOf(db)).toEqual(stored);
    expect(db.get('SELECT bytes FROM held_total')).toEqual({ bytes: 0 });
    expectNothingElse(db, stored.length);
  }
});

/** The calls of a registration that leaves such a list due. */
const CALLS = ['updates.register', 'dueUpdates.next', 'longLists.find', 'longLists.begin']
  .concat(Array(4).fill('longLists.add'))
  .concat('longLists.finish', 'dueUpdates.settle', 'dueUpdates.settle', 'dueUpdates.next');
/** Before, while and after it is written. */
const someCalls = effort([1, 2, 6, 9, 12], range(1, CALLS.length + 1));

test('a registration leaves a long list due: it is applied in portions, and no read finds it before it is whole', async () => {
  const { db, hook, saveUnnamed, register } = storeWith();
  const emails = addresses(DUE);
  await saveUnnamed({ emails });
  const calls: string[] = [];
  hook.after = async (operation) => {
    calls.push(operation);
    const isWhole = calls.includes('longLists.finish');
    expect(readsOf(db)).toEqual(isWhole ? emails : []);
  };
  expect(await register()).toMatchObject({ outcome: 'created', fresh: [{ batchId: 'u' }], due: ['u'] });
  expect(calls).toEqual(CALLS);
  hook.after = async () => {};
  expect(await register()).toEqual(expect.not.objectContaining({ due: expect.anything() }));
  expect(db.get('SELECT bytes FROM held_total')).toEqual({ bytes: 0 });
  expectNothingElse(db, DUE);
});

test('what is due of a registration that is cut off is applied by the sweep, or by the same call again', async () => {
  for (const end of ['stops', 'fails'])
    for (const cut of someCalls) {
      const { db, hook, saveUnnamed, register, restart, applyDue } = storeWith();
      const emails = addresses(DUE);
      await saveUnnamed({ emails });
      let calls = 0;
      await new Promise<void>((resolve) => {
        hook.before = () => {
          if (++calls === cut && end === 'fails') throw new Fault('unavailable', 'the disk is full');
        };
        hook.after = async () => {
          if (calls !== cut) return;
          resolve();
          await new Promise(() => {});
        };
        register().catch(() => resolve());
      });
      if (end === 'stops') {
        restart();
        await applyDue();
        expect(readsOf(db)).toEqual(emails);
      }
      await register();
      expect(readsOf(db)).toEqual(emails);
      // Its registration and one update.
      expect(db.get('SELECT version FROM batches')).toEqual({ version: 2 });
      expectNothingElse(db, DUE);
    }
});

test('an update that comes while a list is due has it as an earlier or a later one beside it', async () => {
  for (const processedCount of [DUE - 1, DUE + 1])
    for (const at of someCalls) {
      const { db, hook, saveUnnamed, register } = storeWith();
      const [due, own] = [addresses(DUE), addresses(20, 'own')];
      await saveUnnamed({ emails: due });
      let calls = 0;
      hook.after = async () => {
        if (++calls === at) await saveUnnamed({ emails: own, processedCount });
      };
      await register();
      const stored = processedCount > DUE ? own : due;
      expect(readsOf(db)).toEqual(stored);
      expectNothingElse(db, stored.length);
    }
});

test('what is due is deleted with its file, or its request, and no other has it', async () => {
  for (const change of ['deleted', 'replaced'])
    for (const at of someCalls) {
      const { db, hook, saveUnnamed, register } = storeWith();
      await saveUnnamed({ emails: addresses(DUE) });
      let calls = 0;
      hook.after = async () => {
        if (++calls !== at) return;
        hook.after = async () => {};
        if (change === 'deleted') {
          fileWrites.end(db, 'f', VALIDATOR);
          // The deletion is answered then.
          if (at % 2 === 0) {
            expectNothingElse(db, 0);
            expect(rowsIn(db, 'held')).toBe(0);
          }
        }
        expect((await register(change === 'deleted' ? 'f2' : 'f', 'r2')).due).toBeUndefined();
      };
      await register();
      expect(readsOf(db)).toEqual([]);
      expect(readsOf(db, 'f2')).toEqual([]);
      expect(rowsIn(db, 'held')).toBe(0);
      expectNothingElse(db, 0);
    }
});

test('what is held for batches of a request that is over is deleted some at a time', async () => {
  const { db, updates, saveUnnamed } = storeWith();
  const request = (requestId: string, batches: string[]) =>
    updates().register(registration({ fileId: 'f', requestId, batches }), VALIDATOR);
  await request('r1', ['a']);
  await request('r2', ['b']);
  await saveUnnamed({ emails: addresses(DUE) });
  expect(await request('r1', ['a', 'u'])).toMatchObject({ outcome: 'superseded' });
  expect([rowsIn(db, 'held'), needsCleanUp(db), await updates().due()]).toEqual([1, true, []]);
  expect(await updates().applyDue('f', 'u')).toBe(false);
  expectNothingElse(db, 0);
  expect(rowsIn(db, 'held')).toBe(0);
  expect(await saveUnnamed({ emails: ['x'] })).toBe('superseded');
});

test('a long list whose batch is registered before it is held is stored', async () => {
  const { db, hook, saveUnnamed, register } = storeWith();
  let calls = 0;
  hook.after = async () => {
    if (++calls === 1) await register();
  };
  expect(await saveUnnamed({ emails: addresses(LENGTH) })).toBe('applied');
  expect(readsOf(db)).toEqual(addresses(LENGTH));
});

test('two long lists of a batch at once: the newer one is stored, whichever is written first', async () => {
  for (const counts of [
    [LENGTH, LENGTH + 1],
    [LENGTH + 1, LENGTH],
  ]) {
    const { db, saveLong } = storeWith(addresses(10));
    const names = ['a', 'other'];
    await Promise.all(
      names.map((name, index) =>
        saveLong({ emails: addresses(LENGTH, name), processedCount: counts[index] ?? 0 }),
      ),
    );
    const newer = names[counts.indexOf(LENGTH + 1)] ?? '';
    expect(readsOf(db)).toEqual(addresses(LENGTH, newer));
    expectNothingElse(db, LENGTH);
  }
});

test('the positions that a long list changes are remembered, as those of a short one are', async () => {
  const emails = addresses(LENGTH);
  const other = emails.map((email, at) => (at === 3 || at === 2_000 ? `x${email}` : email));
  const rewrites = (db: Database) =>
    JSON.parse(db.get<{ rewrites: string }>('SELECT rewrites FROM batches')?.rewrites ?? '');
  const { db, saveLong } = storeWith();
  await saveLong({ emails });
  expect(rewrites(db)).toEqual([]);
  await saveLong({ emails: other.slice(0, 2_070), processedCount: LENGTH + 1 });
  expect(rewrites(db)).toEqual([
    expect.objectContaining({ lengthBefore: LENGTH, lengthAfter: 2_070, changed: [3, 2_000] }),
  ]);
  await saveLong({ emails: addresses(LENGTH, 'all'), processedCount: LENGTH + 2 });
  expect(rewrites(db)[1]).toMatchObject({ lengthBefore: 2_070, lengthAfter: LENGTH, changed: null });
});
