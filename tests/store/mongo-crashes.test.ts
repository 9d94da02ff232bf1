import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mongo } from 'mongoose';
import { HeldUpdates } from '../../src/store/mongo/batches/held-updates.js';
import { sweep } from '../../src/store/mongo/clean-up/sweep.js';
import { MongoConnection } from '../../src/store/mongo/connection.js';
import { sweepLostSlices } from '../../src/store/mongo/submissions/submission-docs.js';
import type { MongoStore } from '../../src/store/mongo-store.js';
import {
  announce,
  expectConsistent,
  fill,
  keptStats,
  listsOf,
  pageOf,
  register,
  save,
} from '../contracts/store/harness.js';
import { Listener } from '../contracts/store/listener.js';
import { openList, submissionOf } from '../contracts/store/submitting.js';
import { effort } from '../support/effort.js';
import { describeWithOwnMongo, MongoServer, withDatabase } from '../support/mongo-server.js';
import { addresses } from '../support/updates.js';
import { dump, NOTHING_PENDING, openStore } from './mongo-harness.js';

/** Of the writes of a piece of work, at which it dies. */
const EVERY = effort(2, 1);
const JANE = { userId: 'jane', files: [], isAdmin: false };
const unavailable = { name: 'Fault', code: 'unavailable', retryAfterSeconds: 1 };

describeWithOwnMongo('a gateway or a MongoDB that dies', () => {
  let server: MongoServer;
  let client: mongo.MongoClient;
  beforeAll(async () => {
    server = await MongoServer.start();
    client = new mongo.MongoClient(server.newUri());
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  /** From now on the database carries out so many writes and then no more, as for a gateway that died there. */
  const dieAfter = (writes: number) =>
    failing(
      { skip: writes },
      { failCommands: ['insert', 'update', 'delete', 'findAndModify'], errorCode: 20 },
    );
  const live = () => failing('off');
  const failing = (mode: unknown, data?: object) =>
    client.db('admin').command({ configureFailPoint: 'failCommand', mode, ...(data && { data }) });

  /**
   * Lets a piece of work die at every write that it consists of, one after the other; then another gateway tries again.
   * What it looks like in the end must be the same wherever the first one died. Outside of thorough runs it dies at every
   * second write. @returns how many writes it did at last, and how often it died
   */
  async function dieAnywhere(
    prepare: (store: MongoStore) => Promise<unknown>,
    work: (store: MongoStore) => Promise<unknown>,
    check: (store: MongoStore, uri: string) => Promise<void>,
  ): Promise<{ writes: number; deaths: number }> {
    for (let writes = 0, deaths = 0; ; writes += EVERY, deaths++) {
      const uri = server.newUri();
      const first = openStore(uri);
      await prepare(first);
      await dieAfter(writes);
      const outcome = await work(first).then(
        () => 'done',
        (error: unknown) => error,
      );
      if (outcome !== 'done') {
        expect(outcome).toMatchObject(unavailable);
        // Else it would go on with its work in the background.
        await first.close();
      }
      await live();
      const second = openStore(uri);
      await work(second);
      await check(second, uri);
      await Promise.all([first.close(), second.close()]);
      if (outcome === 'done') return { writes, deaths };
    }
  }

  it('saves and announces at last, wherever a save died', async () => {
    const { writes } = await dieAnywhere(
      async (store) => {
        await register(store, { fileId: 'f1', batches: ['b1', 'b2'] });
        await save(store, { batchId: 'b1', emails: ['a', 'b'] });
      },
      async (store) => {
        await save(store, { batchId: 'b1', emails: ['a', 'c', 'd'] });
        await save(store, { batchId: 'b1', emails: ['a', 'c', 'd', 'e'] });
        await store.changes.since('f1', new Map());
        await pageOf(store, { fileId: 'f1', page: 1, limit: 1 });
      },
      async (store) => {
        const listener = new Listener(store, 'f1');
        await listener.catchUp(['b1']);
        expect(listener.list('b1')).toHaveLength(4);
        expect(await listsOf(store, 'f1')).toEqual({ b1: ['a', 'c', 'd', 'e'] });
        expect((await store.changes.unannounced()).map(({ fileId }) => fileId)).toEqual(['f1']);
        await expectConsistent(store, 'f1');
      },
    );
    expect(writes).toBeGreaterThan(3);
  });

  it('finds what may not be announced until all of it is marked, wherever marking it died', async () => {
    const found: string[][] = [];
    const { writes, deaths } = await dieAnywhere(
      async (store) => {
        await register(store, { fileId: 'f1', batches: ['b1', 'b2'] });
        await announce(store, 'f1');
        await save(store, { batchId: 'b1', emails: ['a', 'b'], isComplete: true });
        await save(store, { batchId: 'b2', emails: ['c'], isComplete: true });
      },
      async (store) => {
        found.push((await store.changes.unannounced()).map(({ fileId }) => fileId));
        await announce(store, 'f1');
        // The sweep removes the marks, which stay for a moment.
        expect(await store.changes.unannounced()).toEqual([]);
      },
      async (store) => {
        expect(await store.changes.unannounced()).toEqual([]);
        expect(await store.changes.pending('f1')).toMatchObject(NOTHING_PENDING);
        const [file] = await store.files.list({ limit: 1, after: null });
        expect(file).toMatchObject({ isPending: false, stats: expect.stringContaining('"completed"') });
        await expectConsistent(store, 'f1');
      },
    );
    expect(writes).toBeGreaterThan(3);
    // Each gateway that died, and each one after it, found the file; the last one came after all was done.
    expect(found).toEqual([...Array.from({ length: 2 * deaths + 1 }, () => ['f1']), []]);
  });

  it('registers all batches in their order, wherever a registration died', async () => {
    const batchIds = Array.from({ length: 8 }, (_, i) => `b${i}`);
    const { writes } = await dieAnywhere(
      async (store) => {
        await save(store, { batchId: 'b2', emails: ['held'] });
        await fill(store, 'gone', new Map([['b3', ['of a file that is gone']]]));
        await store.files.remove('gone');
      },
      (store) => register(store, { fileId: 'f1', userId: 'u1', batches: batchIds }),
      async (store) => {
        expect((await store.files.batches('f1')).map(({ batchId }) => batchId)).toEqual(batchIds);
        expect(await listsOf(store, 'f1')).toEqual({ b2: ['held'] });
        expect((await store.changes.unannounced()).map(({ fileId }) => fileId)).toEqual(['f1']);
        await expectConsistent(store, 'f1');
      },
    );
    expect(writes).toBeGreaterThan(2);
  });

  it('finishes a registration that nobody tries again', async () => {
    const uri = server.newUri();
    const first = openStore(uri);
    await save(first, { batchId: 'b2', emails: ['held'] });
    await dieAfter(1);
    await expect(register(first, { fileId: 'f1', batches: ['b1', 'b2', 'b3'] })).rejects.toMatchObject(
      unavailable,
    );
    await live();
    const second = openStore(uri);
    expect((await second.changes.unannounced()).map(({ fileId }) => fileId)).toEqual(['f1']);
    expect((await second.files.batches('f1')).map(({ batchId }) => batchId)).toEqual(['b1', 'b2', 'b3']);
    expect(await listsOf(second, 'f1')).toEqual({ b2: ['held'] });
  });

  it('names the registered batches that nobody has announced, until they are', async () => {
    const store = openStore(server.newUri());
    await register(store, { fileId: 'f1', batches: ['b1', 'b2'] });
    const unannounced = async () =>
      (await store.changes.unannounced()).map(({ fileId, batchIds, registered }) => ({
        fileId,
        changed: batchIds,
        waiting: registered?.batches.map(({ batchId }) => batchId),
      }));
    expect(await unannounced()).toEqual([{ fileId: 'f1', changed: [], waiting: ['b1', 'b2'] }]);
    await save(store, { batchId: 'b1', emails: ['a'] });
    expect(await unannounced()).toMatchObject([{ changed: ['b1', 'b1'], waiting: ['b2'] }]);
    const { generation } = (await store.files.find('f1')) ?? { generation: '' };
    const changes = (await store.changes.since('f1', new Map()))?.changes ?? null;
    const versions = (await store.files.batches('f1')).map(({ batchId, version }): [string, number] => [
      batchId,
      version,
    ]);
    await store.changes.markAnnounced(
      'f1',
      generation,
      { changes, batches: new Map(versions) },
      keptStats('{}'),
    );
    expect(await unannounced()).toEqual([]);
    await register(store, { fileId: 'f1', batches: ['b3'] });
    expect(await unannounced()).toEqual([{ fileId: 'f1', changed: [], waiting: ['b3'] }]);
    await register(store, { fileId: 'f1', requestId: 'r2', batches: ['b4'] });
    expect(await unannounced()).toEqual([{ fileId: 'f1', changed: [], waiting: ['b4'] }]);
  });

  it('lets the later request stand, wherever its taking over died', async () => {
    const { writes } = await dieAnywhere(
      (store) => fill(store, 'f1', new Map([['b1', ['secret']]]), 'r1'),
      (store) => fill(store, 'f1', new Map([['b2', ['new']]]), 'r2'),
      async (store) => {
        expect(await listsOf(store, 'f1')).toEqual({ b2: ['new'] });
        const late = { batchId: 'b1', emails: ['secret', 'late'] };
        expect((await save(store, late)).outcome).toBe('superseded');
        const named = { ...late, fileId: 'f1', requestId: 'r1' };
        expect((await save(store, named)).outcome).toBe('superseded');
        expect((await register(store, { fileId: 'f1', requestId: 'r1' })).outcome).toBe('superseded');
        await expectConsistent(store, 'f1');
      },
    );
    expect(writes).toBeGreaterThan(4);
  });

  it('lets any gateway clean up what the one that died has left', async () => {
    const uri = server.newUri();
    const first = openStore(uri);
    await fill(first, 'f1', new Map([['b1', addresses(3, 'secret')]]), 'r1');
    // The earlier request is noted as over, the later one stands, and that was all.
    await dieAfter(2);
    await expect(register(first, { fileId: 'f1', requestId: 'r2', batches: ['b2'] })).rejects.toMatchObject(
      unavailable,
    );
    await live();
    expect((await dump(uri)).toLowerCase()).toContain('secret');
    const second = openStore(uri);
    const connection = new MongoConnection({ uri });
    const held = new HeldUpdates({ ttlMs: 1_000_000, maxBytes: 1_000_000 });
    await connection.run((db) => sweep(db, held, Date.now()));
    // Something may still be under way in it.
    expect((await dump(uri)).toLowerCase()).toContain('secret');
    await connection.run((db) => sweep(db, held, Date.now() + 120_000));
    await connection.close();
    expect((await dump(uri)).toLowerCase()).not.toContain('secret');
    expect((await second.files.batches('f1')).map(({ batchId }) => batchId)).toEqual(['b2']);
    expect((await save(second, { batchId: 'b1', emails: ['late'] })).outcome).toBe('superseded');
  });

  it.each(['replaced', 'deleted'])(
    'leaves no address of slices that were not sent, wherever the end of a request that was %s died',
    async (end) => {
      const slices = [0, 1].map((slice) => addresses(3, `secret${slice}`));
      const { writes } = await dieAnywhere(
        async (store) => {
          const list = await openList(store, 'f1', slices);
          await list.advance({ slice: { number: 0, state: 'uncertain' } });
          await list.advance({ state: 'stopped', slice: { number: 1, state: 'waiting' } });
        },
        // The caller does not try again.
        (store) =>
          store.files.find('f1').then(async (file) => {
            if (file === null || file.requestId === 'r2') return;
            if (end === 'deleted') await store.files.remove('f1');
            else await register(store, { fileId: 'f1', requestId: 'r2' });
          }),
        async (_, uri) => {
          const connection = new MongoConnection({ uri });
          const held = new HeldUpdates({ ttlMs: 1_000_000, maxBytes: 1_000_000 });
          await connection.run((db) => sweep(db, held, Date.now() + 120_000));
          await connection.close();
          expect((await dump(uri)).toLowerCase()).not.toContain('secret');
        },
      );
      expect(writes).toBeGreaterThan(2);
    },
  );

  it('keeps no claim of a submission, wherever its end died', async () => {
    let hasDied = true;
    for (let writes = 1; hasDied; writes++) {
      const uri = server.newUri();
      const store = openStore(uri);
      const submission = submissionOf('f1', { key: 'k', isExclusive: true });
      await store.submissions.claim(submission);
      await dieAfter(writes);
      hasDied = await store.submissions.end(submission.id).then(
        () => false,
        () => true,
      );
      await store.close();
      await live();
      const connection = new MongoConnection({ uri });
      const held = new HeldUpdates({ ttlMs: 1_000_000, maxBytes: 1_000_000 });
      await connection.run((db) => sweep(db, held, Date.now() + 120_000));
      await connection.close();
      const claims = (database: mongo.Db) => database.collection('submissionclaims').find().toArray();
      expect(await withDatabase(uri, claims)).toEqual([]);
    }
  });

  it('leaves no address of a slice whose submission ended while it was written, by a gateway that died then', async () => {
    const uri = server.newUri();
    const store = openStore(uri);
    const list = await openList(store, 'f1', [['a@x'], ['b@x']]);
    // As `addSlice` leaves it.
    await withDatabase(uri, async (database) => {
      const lost = { submission: 'gone', slice: 0, piece: 0, body: '["secret@x"]' };
      await database.collection<object>('submissionpieces').insertOne(lost);
    });
    const connection = new MongoConnection({ uri });
    await connection.run((db) => sweepLostSlices(db));
    await connection.close();
    expect(await dump(uri)).not.toContain('secret');
    expect(await store.submissions.addresses(list.id, 1)).toBe('["b@x"]');
  });

  it('has a file that was deleted removed elsewhere too, until that has succeeded once', async () => {
    const uri = server.newUri();
    const store = openStore(uri);
    await fill(store, 'f1', new Map([['b1', ['a']]]));
    await fill(store, 'f2', new Map([['b2', ['a']]]));
    const generation = (await store.files.find('f1'))?.generation;
    await register(store, { fileId: 'f2', requestId: 'r2' });
    await store.files.remove('f1');
    const asked: string[][] = [];
    const removeElsewhere = async (...removed: string[]) => {
      asked.push(removed);
      if (asked.length === 1) throw new Error('Redis is away');
    };
    const connection = new MongoConnection({ uri });
    const held = new HeldUpdates({ ttlMs: 1_000_000, maxBytes: 1_000_000 });
    for (let turn = 0; turn < 3; turn++)
      await connection.run((db) => sweep(db, held, Date.now() + 120_000, { removeElsewhere }));
    await connection.close();
    expect(asked).toEqual([
      ['f1', generation],
      ['f1', generation],
    ]);
  });

  it('asks no more in one sweep where removing elsewhere fails', async () => {
    const uri = server.newUri();
    const store = openStore(uri);
    for (const fileId of ['f1', 'f2', 'f3']) {
      await fill(store, fileId, new Map([[`b ${fileId}`, ['a']]]));
      await store.files.remove(fileId);
    }
    const asked: string[] = [];
    const removeElsewhere = async (fileId: string) => {
      asked.push(fileId);
      if (asked.length === 1) throw new Error('Redis is away');
    };
    const connection = new MongoConnection({ uri });
    const held = new HeldUpdates({ ttlMs: 1_000_000, maxBytes: 1_000_000 });
    const sweepOnce = () =>
      connection.run((db) => sweep(db, held, Date.now() + 120_000, { removeElsewhere }));
    await sweepOnce();
    expect(asked).toHaveLength(1);
    await sweepOnce();
    await connection.close();
    expect(asked.slice(1).sort()).toEqual(['f1', 'f2', 'f3']);
  });

  it('leaves no address behind, wherever a deletion died', async () => {
    const outcomes: boolean[] = [];
    const { writes, deaths } = await dieAnywhere(
      async (store) => {
        await fill(store, 'f1', new Map([['b1', addresses(3, 'secret')]]), 'r1');
        await fill(store, 'f1', new Map([['b2', addresses(3, 'secret')]]), 'r2');
        await pageOf(store, { fileId: 'f1', page: 1, limit: 1 });
      },
      async (store) => void outcomes.push(await store.files.remove('f1')),
      async (store, uri) => {
        expect(await store.files.find('f1')).toBeNull();
        expect((await dump(uri)).toLowerCase()).not.toContain('secret');
        expect((await save(store, { batchId: 'b2', emails: ['secret'] })).outcome).toBe('superseded');
      },
    );
    expect(writes).toBeGreaterThan(4);
    // Whoever tried again was told that there was a file; the last time nobody had to.
    expect(outcomes).toEqual([...Array.from({ length: deaths }, () => true), true, false]);
  });

  it('holds nothing for batches of a request that is over, wherever noting them died', async () => {
    const late = { fileId: 'f1', batches: ['b1', 'b2'], intent: 'continue' } as const;
    const { writes } = await dieAnywhere(
      async (store) => {
        await save(store, { batchId: 'b1', emails: ['secret'] });
        await save(store, { batchId: 'b2', emails: ['secret'] }, JANE);
      },
      (store) => register(store, late, JANE),
      async (store, uri) => {
        expect((await dump(uri)).toLowerCase()).not.toContain('secret');
        expect((await save(store, { batchId: 'b2', emails: ['secret'] }, JANE)).outcome).toBe('superseded');
      },
    );
    expect(writes).toBeGreaterThan(3);
  });

  it('has everything that was answered for, after the database was killed in the middle of it', async () => {
    const uri = server.newUri();
    const store = openStore(uri);
    const batchIds = Array.from({ length: 12 }, (_, i) => `b${i}`);
    await register(store, { fileId: 'f1', batches: batchIds });
    const answered = new Map<string, number>();
    const all = addresses(60);
    const sending = batchIds.map(async (batchId) => {
      for (let count = 1; count <= all.length; count++) {
        await save(store, { batchId, emails: all.slice(0, count) });
        answered.set(batchId, count);
        if (answered.size === batchIds.length && count === 5) void server.kill();
      }
    });
    for (const outcome of await Promise.allSettled(sending)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: unavailable });
    }
    await server.kill();
    await expect(store.files.find('f1')).rejects.toMatchObject(unavailable);
    await server.start();
    const lists = await eventuallyAnswered(() => listsOf(store, 'f1'));
    for (const [batchId, count] of answered) {
      // One more may have been stored without an answer.
      expect([all.slice(0, count), all.slice(0, count + 1)]).toContainEqual(lists[batchId]);
    }
    for (const batchId of batchIds) {
      // Its sender does not know whether it was stored, and announces it when it is told that it was.
      const next = all.slice(0, (answered.get(batchId) ?? 0) + 1);
      expect((await save(store, { batchId, emails: next })).outcome).toBe('applied');
      await save(store, { batchId, emails: all, isComplete: true });
    }
    expect(await listsOf(store, 'f1')).toEqual(Object.fromEntries(batchIds.map((id) => [id, all])));
    await expectConsistent(store, 'f1');
  });
});

/** A store finds its way back by itself, in a moment. */
async function eventuallyAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 10) throw error;
      expect(error).toMatchObject(unavailable);
    }
  }
}
