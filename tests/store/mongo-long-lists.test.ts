import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { sweepUnconfirmedChunks } from '../../src/store/mongo/batches/chunks.js';
import { MongoConnection } from '../../src/store/mongo/connection.js';
import type { Store } from '../../src/store/store.js';
import { pageOf, register, save, scanned } from '../contracts/store/harness.js';
import { Listener } from '../contracts/store/listener.js';
import { effort } from '../support/effort.js';
import { type Databases, describeWithMongo, openMongo, withDatabase } from '../support/mongo-server.js';
import { addresses, emailsOf, entry } from '../support/updates.js';
import { dump, openStore } from './mongo-harness.js';

const SIZE = effort(2_000, 17_000);
/** More of them than one document holds. */
const REASON = 'x'.repeat(14_450_000 / SIZE);
/** Megabytes at every step; a small machine takes its time. */
const WITHIN_MS = 180_000;
const large = (address: string) => entry(address, { reason: REASON, status: 'risky' });

describeWithMongo('a list that is too long for one document', () => {
  let mongo: Databases;
  beforeAll(async () => {
    mongo = await openMongo();
  });
  afterAll(() => mongo?.stop());

  const partsIn = (uri: string): Promise<number> =>
    withDatabase(uri, (database) => database.collection('emailresultchunks').countDocuments());

  it(
    'is stored, extended, read, searched, replaced and deleted like any other',
    async () => {
      const uri = mongo.newUri();
      const [store, other] = [openStore(uri), openStore(uri)];
      const all = addresses(SIZE, 'user').map(large);
      // Held at first, as any list may be.
      expect((await save(store, { batchId: 'b1', emails: all })).outcome).toBe('held');
      await register(store, { fileId: 'f1', batches: ['b0', 'b1', 'b2'] });
      await save(store, { batchId: 'b2', emails: ['last'] });
      const listener = new Listener(store, 'f1');
      await listener.catchUp(['b1']);
      expect(listener.list('b1')).toHaveLength(SIZE);
      const before = await partsIn(uri);
      expect(before).toBeGreaterThan(0);

      const more = [...all, ...addresses(30, 'more').map((address) => entry(address))];
      for (const count of [10, 30]) {
        const outcomes = await Promise.all(
          [store, other].map((one) => save(one, { batchId: 'b1', emails: more.slice(0, SIZE + count) })),
        );
        expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['applied', 'unchanged']);
        const [told] = await listener.catchUp(['b1']);
        expect(told?.results).toHaveLength(count === 10 ? 10 : 20);
      }
      expect(await partsIn(uri)).toBeLessThan(before + 2);
      await expectPages(store);

      await save(store, { batchId: 'b1', emails: more.slice(5, SIZE), isComplete: true });
      await listener.catchUp(['b1']);
      const results = await scanned(store, 'f1');
      expect(results.map(({ json }) => json).slice(0, -1)).toEqual(listener.list('b1'));
      expect(emailsOf(results)).toEqual([...addresses(SIZE - 5, 'user', 5), 'last']);
      await save(store, { batchId: 'b1', emails: ['short'], isComplete: true, processedCount: 10 * SIZE });
      expect(await partsIn(uri)).toBe(0);
      expect(emailsOf(await scanned(store, 'f1'))).toEqual(['short', 'last']);

      await save(store, { batchId: 'b1', emails: all, isComplete: true, processedCount: 11 * SIZE });
      expect(await partsIn(uri)).toBe(before);
      await store.files.remove('f1');
      expect((await dump(uri)).toLowerCase()).not.toContain('user');
    },
    WITHIN_MS,
  );

  async function expectPages(store: Store): Promise<void> {
    const page = (query: object) => pageOf(store, { fileId: 'f1', page: 1, limit: 3, ...query });
    const total = SIZE + 31;
    const last = await page({ page: Math.ceil(total / 3) });
    expect(last.total).toBe(total);
    expect(emailsOf(last.results).at(-1)).toBe('last');
    const middle = await page({ page: SIZE / 4 });
    expect(emailsOf(middle.results)).toEqual(addresses(3, 'user', 3 * (SIZE / 4 - 1)));
    const plain = await page({ status: 'deliverable' });
    expect(plain.total).toBe(31);
    expect(plain.results.map(({ position }) => position)).toEqual([SIZE, SIZE + 1, SIZE + 2]);
    const found = await page({ email: `USER${SIZE - 1}` });
    expect({ total: found.total, emails: emailsOf(found.results) }).toEqual({
      total: 1,
      emails: [`user${SIZE - 1}@example.com`],
    });
    expect((await page({ email: 'user', status: 'risky' })).total).toBe(SIZE);
  }

  it(
    'loses what a gateway that died left of it, and nothing else',
    async () => {
      const uri = mongo.newUri();
      const store = openStore(uri);
      await register(store, { fileId: 'f1', batches: ['b1'] });
      await save(store, { batchId: 'b1', emails: addresses(SIZE).map(large) });
      const parts = await partsIn(uri);
      await withDatabase(uri, (database) =>
        database.collection<{ _id: string }>('emailresultchunks').insertOne({
          _id: 'orphan',
          batchId: 'b1',
          createdAt: new Date(),
          unconfirmed: true,
          results: [],
        } as never),
      );
      const connection = new MongoConnection({ uri });
      const later = Date.now() + 3_600_000;
      await connection.run((db) => sweepUnconfirmedChunks(db, Date.now()));
      expect(await partsIn(uri)).toBe(parts + 1);
      for (let i = 0; i < 2; i++) await connection.run((db) => sweepUnconfirmedChunks(db, later));
      await connection.close();
      expect(await partsIn(uri)).toBe(parts);
      expect(await scanned(store, 'f1')).toHaveLength(SIZE);
    },
    WITHIN_MS,
  );
});
