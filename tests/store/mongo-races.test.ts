import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Claimant, VALIDATOR } from '../../src/domain/ownership.js';
import { SharedCalls } from '../../src/shared-calls.js';
import { HeldUpdates } from '../../src/store/mongo/batches/held-updates.js';
import { RecentWrites } from '../../src/store/mongo/batches/recent-writes.js';
import { saveUpdate } from '../../src/store/mongo/batches/save-update.js';
import { MongoConnection } from '../../src/store/mongo/connection.js';
import type { FileDoc } from '../../src/store/mongo/documents/files.js';
import { findFile } from '../../src/store/mongo/generations.js';
import { completeRegistration } from '../../src/store/mongo/registration/pending-registrations.js';
import { insertNewBatches } from '../../src/store/mongo/registration/placement.js';
import type { Saved } from '../../src/store/store.js';
import {
  announce,
  expectConsistent,
  keptStats,
  listsOf,
  pageOf,
  register,
  save,
  scanned,
} from '../contracts/store/harness.js';
import { Listener } from '../contracts/store/listener.js';
import { effort } from '../support/effort.js';
import { eventually } from '../support/eventually.js';
import { type Databases, describeWithMongo, openMongo, withDatabase } from '../support/mongo-server.js';
import { addresses, emailsOf, update } from '../support/updates.js';
import { dump, NOTHING_PENDING, openStore, refusals, shuffled } from './mongo-harness.js';

const DELETIONS = effort(20, 100);
const user = (userId: string): Claimant => ({ userId, files: [], isAdmin: false });
const [JANE, JOE] = [user('jane'), user('joe')];

/** A registration of jane's that a gateway has begun and another one goes on with. */
const pendingOf = (batchIds: readonly string[]) => ({
  id: 'pending',
  at: new Date(),
  by: { userId: 'jane', isAdmin: false },
  from: 1,
  batches: batchIds.map((batchId) => ({ batchId, totalEmails: null })),
});

const far = (): number => Date.now() + 60_000;

describeWithMongo('several gateways on one MongoDB', () => {
  let mongo: Databases;
  beforeAll(async () => {
    mongo = await openMongo();
  });
  afterAll(() => mongo?.stop());

  const open = () => {
    const uri = mongo.newUri();
    return { uri, a: openStore(uri), b: openStore(uri) };
  };

  it('applies each newer list once, whoever gets it, and loses no tail', async () => {
    const { a, b } = open();
    const batchIds = Array.from({ length: 6 }, (_, i) => `b${i}`);
    await register(a, { fileId: 'f1', batches: batchIds });
    const listener = new Listener(b, 'f1');
    const all = addresses(40);
    const messages = batchIds.flatMap((batchId) =>
      Array.from({ length: 20 }, (_, i) => ({ batchId, emails: all.slice(0, 2 * (i + 1)) })),
    );
    const outcomes = new Map<string, Saved['outcome'][]>();
    const send = async (store: typeof a, message: (typeof messages)[number]) => {
      const { outcome } = await save(store, message);
      const name = `${message.emails.length} of ${message.batchId}`;
      outcomes.set(name, [...(outcomes.get(name) ?? []), outcome]);
    };
    const listening = (async () => {
      for (let i = 0; i < 10; i++) await listener.catchUp(batchIds);
    })();
    await Promise.all([
      ...shuffled(messages, 1).map((message) => send(a, message)),
      ...shuffled(messages, 2).map((message) => send(b, message)),
    ]);
    await listening;
    for (const [name, of] of outcomes) {
      const applied = of.filter((outcome) => outcome === 'applied');
      expect(of).toHaveLength(2);
      // Nothing is newer than the longest; a shorter one may have come too late.
      if (name.startsWith('40 ')) expect(applied).toHaveLength(1);
      else expect(applied.length).toBeLessThan(2);
    }
    expect(await listsOf(a, 'f1')).toEqual(Object.fromEntries(batchIds.map((id) => [id, all])));
    await expectConsistent(b, 'f1');
    await listener.catchUp(batchIds);
    for (const batchId of batchIds) expect(listener.list(batchId)).toHaveLength(40);
  });

  it('tells the newest of a batch and counts it once, whatever either gateway remembers of having written it', async () => {
    const { a, b } = open();
    await register(a, { fileId: 'f1', batches: ['b1', 'b2'] });
    const listeners = [new Listener(a, 'f1'), new Listener(b, 'f1')];
    const all = addresses(12);
    for (let count = 1; count <= all.length; count++) {
      const emails = all.slice(0, count);
      for (const batchId of ['b1', 'b2']) await save(count % 3 === 0 ? b : a, { batchId, emails });
      // Another one has written since this one did.
      await save(count % 3 === 0 ? a : b, { batchId: 'b2', emails: [...emails, 'one more'] });
      const listener = listeners[count % 2];
      await listener?.catchUp(['b1', 'b2']);
      expect(['b1', 'b2'].map((batchId) => listener?.list(batchId).length)).toEqual([count, count + 1]);
    }
    await expectConsistent(a, 'f1');
    await expectConsistent(b, 'f1');
    const { total } = await pageOf(a, { fileId: 'f1', page: 1, limit: 1, status: ['deliverable'] });
    expect(total).toBe(12 + 13);
  });

  it('has all changes of a batch, except for a flush of what this gateway has saved itself', async () => {
    const { a, b } = open();
    await register(a, { fileId: 'f1', batches: ['b1'] });
    const listener = new Listener(a, 'f1');
    const saved = new Set(['b1']);
    const lengthAfter = async (of?: ReadonlySet<string>) => {
      await listener.catchUp(['b1'], of);
      return listener.list('b1').length;
    };
    const saveBoth = async (count: number) => {
      await save(a, { batchId: 'b1', emails: addresses(count) });
      await save(b, { batchId: 'b1', emails: addresses(count + 1) });
    };
    await saveBoth(1);
    // The other gateway announces its own; the document of the batch is not read.
    for (let flush = 0; flush < 2; flush++) expect(await lengthAfter(saved)).toBe(1);
    expect(await lengthAfter()).toBe(2);
    await saveBoth(3);
    expect(await lengthAfter()).toBe(4);
    // It does not go back to what this gateway has saved.
    expect(await lengthAfter(saved)).toBe(4);
    await save(a, { batchId: 'b1', emails: addresses(6) });
    expect(await lengthAfter(saved)).toBe(6);
  });

  it('leaves marks of what it has announced for a moment, and takes them for nothing new', async () => {
    const { uri, a, b } = open();
    await register(a, { fileId: 'f1', batches: ['b1'] });
    await announce(a, 'f1');
    const marks = () =>
      withDatabase(uri, (database) =>
        database.collection('emailresults').countDocuments({ unannounced: { $exists: true } }),
      );
    for (let count = 1; count < 5; count++) {
      await save(a, { batchId: 'b1', emails: addresses(count) });
      await announce(a, 'f1');
      expect(await a.changes.pending('f1')).toMatchObject(NOTHING_PENDING);
      expect(await a.files.list({ limit: 1, after: null })).toMatchObject([{ isPending: false }]);
    }
    // Another gateway has only the version to go by: the feed says whether it is announced.
    await save(a, { batchId: 'b1', emails: addresses(5) });
    await announce(a, 'f1');
    const [state] = await b.files.batches('f1');
    const left = await b.changes.pending('f1');
    if (left?.batches.size) expect(left.batches).toEqual(new Map([['b1', state?.version]]));
    await eventually('the mark is removed', async () => (await marks()) === 0);
    // One that is replaced in time stays.
    await save(a, { batchId: 'b1', emails: addresses(6) });
    await announce(a, 'f1');
    await save(b, { batchId: 'b1', emails: addresses(7) });
    expect(await a.changes.unannounced()).toHaveLength(1);
    expect(await marks()).toBe(1);
    await save(a, { batchId: 'b1', emails: addresses(8) });
    await announce(a, 'f1');
    // Those of a gateway that stops are removed.
    await a.close();
    expect(await marks()).toBe(0);
    expect(await b.changes.pending('f1')).toMatchObject(NOTHING_PENDING);
  });

  it('lists which files are pending, whatever many marks other files have', async () => {
    const { uri, a } = open();
    const batchIds = Array.from({ length: 600 }, (_, i) => `b${i}`);
    await register(a, { fileId: 'many', batches: batchIds });
    for (const fileId of ['done', 'saved']) await register(a, { fileId, batches: [`${fileId} 1`] });
    for (const fileId of ['many', 'done', 'saved']) await announce(a, fileId);
    await save(a, { batchId: 'saved 1', emails: addresses(2) });
    const pendingOnes = async () =>
      (await a.files.list({ limit: 10, after: null })).flatMap(({ facts, stats, isPending }) => {
        expect(stats).toContain(facts.fileId);
        return isPending ? [facts.fileId] : [];
      });
    expect(await pendingOnes()).toEqual(['saved']);
    await withDatabase(uri, (database) =>
      database
        .collection('emailresults')
        .updateMany(
          { batchId: { $in: batchIds } },
          { $set: { unannounced: new Date() }, $inc: { version: 1 } },
        ),
    );
    expect(await pendingOnes()).toEqual(['saved', 'many']);
    await announce(a, 'saved');
    expect(await pendingOnes()).toEqual(['many']);
  });

  it('registers each batch once and in one order, and opens one generation', async () => {
    const { a, b } = open();
    const batchIds = Array.from({ length: 60 }, (_, i) => `b${i}`);
    for (const batchId of batchIds.slice(0, 20)) await save(b, { batchId, emails: [`of ${batchId}`] });
    const registered = await Promise.all(
      Array.from({ length: 12 }, (_, i) => register(i % 2 ? a : b, { fileId: 'f1', batches: batchIds })),
    );
    expect(registered.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(registered.filter(({ outcome }) => outcome === 'unchanged')).toHaveLength(11);
    expect(registered.flatMap(({ touched }) => touched).sort()).toEqual([...batchIds].sort());
    expect(new Set(registered.map(({ facts }) => facts?.generation)).size).toBe(1);
    expect((await a.files.batches('f1')).map(({ batchId }) => batchId)).toEqual(batchIds);
    expect(emailsOf(await scanned(b, 'f1'))).toEqual(batchIds.slice(0, 20).map((id) => `of ${id}`));
  });

  it('takes in what comes while its batch is registered, however the two fall together', async () => {
    const { a, b } = open();
    const batchIds = Array.from({ length: 60 }, (_, i) => `b${i}`);
    const calls = batchIds.flatMap((batchId, i) => [
      save(a, { batchId, emails: ['x'] }),
      save(b, { batchId, emails: ['x', 'y'] }),
      register(i % 2 ? a : b, { fileId: 'f1', batches: [batchId] }),
      save(i % 3 ? a : b, { batchId, fileId: 'f1', emails: ['x', 'y', 'z'] }),
    ]);
    await Promise.all(calls);
    const lists = await listsOf(a, 'f1');
    expect(Object.keys(lists).sort()).toEqual([...batchIds].sort());
    for (const list of Object.values(lists)) expect(list).toEqual(['x', 'y', 'z']);
    await expectConsistent(b, 'f1');
  });

  it('gives a batch that two files want to one of them, and leaves the other as it was', async () => {
    const { a, b } = open();
    for (let round = 0; round < effort(3, 12); round++) {
      const [f1, f2, shared] = [`f1-${round}`, `f2-${round}`, `shared-${round}`];
      await save(a, { batchId: shared, emails: ['held'] });
      const both = await Promise.allSettled([
        register(a, { fileId: f1, batches: [`${f1}-0`, shared] }),
        register(b, { fileId: f2, batches: [shared, `${f2}-0`] }),
      ]);
      expect(refusals(both, { name: 'InvalidInput' })).toBe(1);
      const [winner, loser] = both[0]?.status === 'fulfilled' ? [f1, f2] : [f2, f1];
      expect(await a.updates.fileOfBatch(shared)).toBe(winner);
      expect(await b.files.find(loser)).toBeNull();
      expect(await b.updates.fileOfBatch(`${loser}-0`)).toBeNull();
      expect(await listsOf(b, winner)).toEqual({ [shared]: ['held'] });
    }
  });

  it('leaves one request current after several have replaced each other', async () => {
    const { a, b } = open();
    const requests = Array.from({ length: 10 }, (_, i) => `r${i}`);
    await Promise.all(
      requests.map(async (requestId, i) => {
        const store = i % 2 ? a : b;
        await register(store, { fileId: 'f1', requestId, batches: [`${requestId}-0`, `${requestId}-1`] });
        await save(i % 2 ? b : a, { batchId: `${requestId}-0`, emails: [`of ${requestId}`] });
      }),
    );
    const current = (await a.files.find('f1'))?.requestId;
    expect(requests).toContain(current);
    expect((await b.files.batches('f1')).map(({ batchId }) => batchId)).toEqual([
      `${current}-0`,
      `${current}-1`,
    ]);
    expect(emailsOf(await scanned(b, 'f1'))).toEqual([`of ${current}`]);
    for (const requestId of requests) {
      if (requestId === current) continue;
      const late = { batchId: `${requestId}-0`, emails: ['late'], isComplete: true };
      expect((await save(a, late)).outcome).toBe('superseded');
      expect((await save(b, { ...late, fileId: 'f1', requestId })).outcome).toBe('superseded');
    }
  });

  it('deletes a file once, with all that is on its way to it', async () => {
    const { uri, a, b } = open();
    const batchIds = Array.from({ length: 20 }, (_, i) => `b${i}`);
    await register(a, { fileId: 'f1', batches: batchIds });
    const saves = batchIds.flatMap((batchId, i) =>
      [1, 5, 9].map((count) =>
        save(i % 2 ? a : b, { batchId, emails: addresses(count, 'secret'), requestId: 'r1' }),
      ),
    );
    const removed = await Promise.all([a.files.remove('f1'), b.files.remove('f1')]);
    expect(removed.sort()).toEqual([false, true]);
    await Promise.all(saves);
    for (const store of [a, b]) {
      expect(await store.files.find('f1')).toBeNull();
      expect((await save(store, { batchId: 'b3', emails: ['secret'] })).outcome).toBe('superseded');
    }
    expect((await dump(uri)).toLowerCase()).not.toContain('secret');
  });

  it(`deletes at two gateways nothing that another user has begun meanwhile, ${DELETIONS} times`, async () => {
    const { a, b } = open();
    for (let round = 0; round < DELETIONS; round++) {
      const fileId = `deletion ${round}`;
      await register(a, { fileId, batches: [`old ${round}`] }, JANE);
      const update = { batchId: `new ${round}`, fileId, emails: ['x'] };
      const begin = async () => {
        for (;;) {
          const saved = await save(round % 2 ? a : b, update, JOE).catch(() => null);
          if (saved?.outcome === 'applied') return;
        }
      };
      const deletions = [a, b, a].map((store) => store.files.remove(fileId, JANE));
      const [, ...removed] = await Promise.allSettled([begin(), ...deletions]);
      expect(removed).toContainEqual({ status: 'fulfilled', value: true });
      expect((await a.files.find(fileId))?.userId).toBe('joe');
      expect(emailsOf(await scanned(b, fileId))).toEqual(['x']);
    }
  });

  it('applies what is held for one user to no batch that another user has got first', async () => {
    const { uri, a, b } = open();
    await register(a, { fileId: 'hers', batches: ['b1'] }, JANE);
    await register(a, { fileId: 'his', batches: ['b2'] }, JOE);
    await save(a, { batchId: 'b2', emails: ['x'] }, JOE);
    expect((await save(a, { batchId: 'b2', emails: ['y', 'z'], isComplete: true }, JANE)).outcome).toBe(
      'held',
    );
    // As Jane's registration leaves it that found the batch free a moment before, at a gateway that has died since.
    const pending = {
      id: 'pending',
      at: new Date(),
      by: { userId: 'jane', isAdmin: false },
      from: 1,
      batches: [{ batchId: 'b2', totalEmails: null }],
    };
    await withDatabase(uri, (database) =>
      database.collection('emailbatches').updateOne({ fileId: 'hers' }, { $set: { pending, next: 2 } }),
    );
    await register(b, { fileId: 'hers', batches: ['b1', 'b3'] }, JANE);
    expect(await listsOf(b, 'his')).toEqual({ b2: ['x'] });
    expect((await b.files.batches('hers')).map(({ batchId }) => batchId)).toEqual(['b1', 'b3']);
    expect((await b.updates.heldCounts()).updates).toBe(1);
  });

  // By the step of holding the update before which the request ends.
  it.each([1, 2, 3])('holds no update whose request ends meanwhile: %i', async (step) => {
    for (const sender of [VALIDATOR, JANE]) {
      const { uri, a } = open();
      const over = { fileId: 'f1', batches: ['b1'], intent: 'continue' } as const;
      const connection = new MongoConnection({ uri });
      const held = new HeldUpdates({ ttlMs: 1_000_000, maxBytes: 1_000_000 });
      let steps = 0;
      const end = async () => ++steps === step && (await register(a, over, VALIDATOR));
      const hold: HeldUpdates['hold'] = async (...args) => {
        await end();
        const written = await HeldUpdates.prototype.hold.apply(held, args);
        await end();
        return written;
      };
      const deps = {
        held: Object.assign(Object.create(held), { hold }),
        recent: new RecentWrites(),
        marks: { replaced: () => undefined },
        files: new SharedCalls<string, FileDoc | null>(),
        register: () => Promise.reject(new Error('it names no file')),
      };
      const late = update({ batchId: 'b1', emails: ['secret'] });
      const { outcome } = await connection.run((db) => saveUpdate(db, late, sender, deps));
      await connection.close();
      expect(outcome).toBe('superseded');
      expect((await dump(uri)).toLowerCase()).not.toContain('secret');
    }
  });

  it('deletes with a file what has come into batches that are being registered meanwhile', async () => {
    const { uri, a, b } = open();
    await register(a, { fileId: 'f1', batches: ['b1'] }, JANE);
    for (const batchId of ['b2', 'b3']) await save(a, { batchId, emails: ['secret'] }, JANE);
    const connection = new MongoConnection({ uri });
    const held = new HeldUpdates({ ttlMs: 60_000, maxBytes: 2 ** 20 });
    const pending = pendingOf(['b2', 'b3']);
    // The gateway goes on in the middle of a registration, and the file is gone.
    await connection.run(async (db) => {
      const file = await findFile(db, 'f1');
      if (file === null) throw new Error('it is not there');
      expect(await b.files.remove('f1', JANE)).toBe(true);
      expect(await completeRegistration(db, held, file, pending)).toBeNull();
    });
    await connection.close();
    expect(await dump(uri)).not.toContain('secret');
    await register(b, { fileId: 'f2', batches: ['b2', 'b3'] }, JOE);
    expect(await listsOf(b, 'f2')).toEqual({});
  });

  it('holds for its sender what came into a registration that is taken back', async () => {
    const { uri, a, b } = open();
    await register(a, { fileId: 'f1', batches: ['b1'] }, JANE);
    await register(b, { fileId: 'f2', batches: ['b9'] }, JOE);
    await save(a, { batchId: 'b3', emails: ['anyone'] });
    const connection = new MongoConnection({ uri });
    const held = new HeldUpdates({ ttlMs: 60_000, maxBytes: 2 ** 20 });
    const pending = pendingOf(['b2', 'b3', 'b9']);
    // Another user's file has got b9 since the registration was written, and an update of b2 comes before it is taken back.
    await connection.run(async (db) => {
      await db.files.updateOne({ fileId: 'f1' }, { $set: { pending, next: 4 } });
      const file = await findFile(db, 'f1');
      if (file === null) throw new Error('it is not there');
      const { fileId, requestId, generation } = file;
      const place = { fileId, requestId, generation, ordinal: 1 };
      await insertNewBatches(db, [{ batchId: 'b2', totalEmails: null, place }], new Date());
      expect((await save(a, { batchId: 'b2', emails: ['secret'] }, JANE)).outcome).toBe('applied');
      const author = { outcome: 'extended', beginsAnew: true, placed() {}, filled() {} } as const;
      await expect(completeRegistration(db, held, file, pending, author)).rejects.toThrow();
    });
    await connection.close();
    await register(b, { fileId: 'f3', batches: ['b2', 'b3'] }, JOE);
    expect(await listsOf(b, 'f3')).toEqual({ b3: ['anyone'] });
    await b.files.remove('f3', JOE);
    expect(await a.updates.fileOfBatch('b2')).toBeNull();
    expect(await dump(uri)).toContain('secret');
  });

  it('deletes and registers at once: the file is there afterwards, or it is not, but never half', async () => {
    const { uri, a, b } = open();
    for (let round = 0; round < effort(3, 10); round++) {
      const fileId = `f${round}`;
      const batchIds = [0, 1, 2].map((i) => `${i} of ${fileId}`);
      await register(a, { fileId, batches: batchIds.slice(0, 2) });
      await save(a, { batchId: batchIds[0] ?? '', emails: ['old'] });
      await save(b, { batchId: batchIds[2] ?? '', emails: ['held'] });
      await Promise.all([a.files.remove(fileId), register(b, { fileId, batches: batchIds })]);
      const states = await a.files.batches(fileId);
      expect([[], batchIds]).toContainEqual(states.map(({ batchId }) => batchId));
      const emails = emailsOf(await scanned(b, fileId));
      // Deleted last: nothing. Registered last: what was held, unless it was in the file when that was deleted.
      expect(emails).not.toContain('old');
      if (states.length === 0) expect(emails).toEqual([]);
      await b.files.remove(fileId);
    }
    expect(await dump(uri)).not.toContain('"old"');
  });

  it('leaves few batches to be rolled up by a page, although none is read', async () => {
    const { uri, a } = open();
    await register(a, { fileId: 'f1', batches: ['b1', 'b2'] });
    const toRollUp = () =>
      withDatabase(uri, (database) =>
        database.collection('emailresults').countDocuments({ pendingRollup: { $exists: true } }),
      );
    const announceAs = async (names: (n: number) => string, count: number) => {
      const { generation } = (await a.files.find('f1')) ?? { generation: '' };
      const batches = new Map(Array.from({ length: count }, (_, n) => [names(n), n + 1]));
      await a.changes.markAnnounced('f1', generation, { changes: null, batches }, keptStats('{}'));
    };
    await save(a, { batchId: 'b1', emails: ['a'] });
    // A batch that grows is one batch.
    for (let round = 0; round < 3; round++) await announceAs((n) => `batch ${n}`, 255);
    expect(await toRollUp()).toBe(1);
    await announceAs(() => 'another batch', 1);
    expect(await toRollUp()).toBe(0);
    await expectConsistent(a, 'f1');
  });

  it('marks a silent batch as stalled once, and ends one by hand once', async () => {
    const { a, b } = open();
    const batchIds = Array.from({ length: 150 }, (_, i) => `b${i}`);
    await register(a, { fileId: 'f1', batches: batchIds });
    const looks = await Promise.all(
      [a, b, a, b].map((store) => store.updates.markStalled({ begunBefore: 0, queuedBefore: far() })),
    );
    const marked = looks.flat().flatMap(({ batchIds: some }) => some);
    expect(new Set(marked)).toEqual(new Set(batchIds));
    const ended = await Promise.all(
      batchIds.flatMap((batchId) => [a, b].map((store) => store.updates.fail('f1', batchId, 'gave up'))),
    );
    expect(new Set(ended)).toEqual(new Set([true]));
    const statuses = new Set((await a.files.batches('f1')).map(({ status }) => status));
    expect(statuses).toEqual(new Set(['failed']));
    await expectConsistent(b, 'f1');
  });
});
