import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { JsonText } from '../../src/domain/json-text.js';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { readUpdate } from '../../src/domain/read-update.js';
import type { Stats } from '../../src/domain/stats.js';
import { toDoc, toJson } from '../../src/store/mongo/results/result-docs.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import type { Store } from '../../src/store/store.js';
import { keptStats, register, scanned } from '../contracts/store/harness.js';
import { type Databases, describeWithMongo, openMongo, withDatabase } from '../support/mongo-server.js';
import { hostileResult } from '../support/results.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { emailsOf } from '../support/updates.js';
import { LIMITS, openStore } from './mongo-harness.js';

/** Details that JSON can express and BSON cannot, or not in the same way. */
const ODD_DETAILS = [
  '{}',
  '[]',
  '[[],{}]',
  '{"":{"":""}}',
  '{"$x":1,"$ref":"c","$id":2,"$db":"d"}',
  '{"a":{"$oid":"656e6f7567682062797465"},"b":{"$date":0}}',
  '{"a.b":1,".":2,"a":{"b":3}}',
  '{"a.b":1,"a\uff0eb":2}',
  '{"__proto__":{"polluted":true},"constructor":1,"toString":2}',
  '{"_bsontype":"ObjectId","id":"x"}',
  '{"a":{"_bsontype":"Long"}}',
  '{"toJSON":1,"toBSON":{},"length":3,"_id":4,"__v":5}',
  '{"nul\\u0000key":"nul\\u0000value"}',
  '{"2":"two","1":"one","b":0,"a":0,"-1":0}',
  '{"n":[0,-0,1.5,1e21,-1e-7,5e-324,1.7976931348623157e308,9007199254740993,-2147483649,4294967296]}',
  '{"lone":"\\ud83d","\\udce4":1}',
  // Two keys that become one and the same well-formed text.
  '{"\\ud800":1,"\\ud801":2}',
  '{"text":"\u2028\u2029\ufeff\u202e\\u0007\\u0000😀","é":"e\u0301"}',
  `{"deep":${'['.repeat(80)}${']'.repeat(80)}}`,
  `{"deeper":${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}}`,
  `{"long":"${'x'.repeat(300_000)}"}`,
  `{"many":[${'1,'.repeat(700_000)}1]}`,
];

const messageOf = (batchId: string, results: readonly string[]): string =>
  `{"batchId":${JSON.stringify(batchId)},"isComplete":true,"totalEmails":${results.length},` +
  `"processedCount":${results.length},"validatedEmails":[${results.join(',')}]}`;

describeWithMongo('the text of results in MongoDB', () => {
  let mongo: Databases;
  beforeAll(async () => {
    mongo = await openMongo();
  });
  afterAll(() => mongo?.stop());

  /** Saves the same message in both engines and compares their results. */
  async function expectSame(uri: string, message: string): Promise<string[]> {
    const sqlite = await SqliteStore.open({ directory: temporaryDirectory(), ...LIMITS });
    onTeardown(() => sqlite.close());
    const answers: string[][] = [];
    for (const store of [sqlite, openStore(uri)] satisfies Store[]) {
      const update = readUpdate(JSON.parse(message));
      await register(store, { fileId: 'f1', batches: [update.batchId] });
      await store.updates.save(update, VALIDATOR);
      const all = (await scanned(store, 'f1')).map(({ json }) => json);
      expect(all).toEqual(update.results.map(({ json }) => json));
      answers.push(all);
    }
    expect(answers[1]).toEqual(answers[0]);
    return answers[0] ?? [];
  }

  it('is the same as in SQLite, byte for byte, however odd the details', async () => {
    const results = ODD_DETAILS.map((details, i) => `{"email":"a${i}@example.com","details":${details}}`);
    const answered = await expectSame(mongo.newUri(), messageOf('b1', results));
    expect(answered).toHaveLength(ODD_DETAILS.length);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('is the same as in SQLite for hostile addresses and reasons', async () => {
    const results = Array.from({ length: 300 }, (_, i) => JSON.stringify(hostileResult(i, i % 3)));
    await expectSame(mongo.newUri(), messageOf('b1', results));
  });

  it('is the same after it was a document', () => {
    const result = fc.record({
      email: fc.string({ unit: 'binary' }),
      is_valid: fc.boolean(),
      status: fc.constantFrom('deliverable', 'risky'),
      risk_level: fc.constantFrom('low', null),
      deliverability_score: fc.double(),
      details: fc.object({ withNullPrototype: false, key: fc.string({ unit: 'binary' }) }),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          result,
          fc.json().map((details) => ({ email: 'a', details: JSON.parse(details) })),
        ),
        (one) => {
          const update = { batchId: 'b', failed: true, validatedEmails: [JSON.parse(JSON.stringify(one))] };
          for (const stored of readUpdate(update).results) {
            const { doc, bytes } = toDoc(stored);
            expect(toJson(doc)).toBe(stored.json);
            expect(bytes).toBe(mongoose.mongo.BSON.serialize(doc).byteLength);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('can be read by other programs, field by field', async () => {
    const uri = mongo.newUri();
    const store = openStore(uri);
    const entry = {
      email: 'Jane@example.com',
      is_valid: true,
      status: 'risky',
      risk_level: 'low',
      deliverability_score: 62.5,
      details: { general: { domain: 'example.com' }, sub_status: 'Low Quality', n: [1, null, 2.5] },
    };
    const odd = { ...entry, email: 'odd@example.com', details: { 'a.b': { $c: 1 }, plain: 'text' } };
    await register(store, { fileId: 'f1', requestId: 'r1', userId: 'u1', totalEmails: 2, batches: ['b1'] });
    await store.updates.save(
      readUpdate(
        JSON.parse(
          messageOf(
            'b1',
            [entry, odd].map((one) => JSON.stringify(one)),
          ),
        ),
      ),
      VALIDATOR,
    );
    const { generation } = (await store.files.find('f1')) ?? { generation: '' };
    const stats: Stats = {
      ...keptStats('').parsed(),
      epoch: 'e',
      revision: 3,
      status: 'completed',
      progress: { total: 2, processed: 2, skipped: 0, percentage: 100 },
      batches: { total: 1, completed: 1, failed: 0, stalled: 0 },
      completedAt: '2026-11-24T10:00:00.000Z',
    };
    await store.changes.markAnnounced(
      'f1',
      generation,
      { changes: null, batches: new Map() },
      JsonText.of(stats),
    );
    // A slow gateway does not replace newer stats.
    await store.changes.markAnnounced(
      'f1',
      generation,
      { changes: null, batches: new Map() },
      JsonText.of({ ...stats, revision: 2, status: 'processing' as const }),
    );
    await withDatabase(uri, async (database) => {
      expect(await database.collection('emailresults').findOne({ batchId: 'b1' })).toMatchObject({
        fileId: 'f1',
        requestId: 'r1',
        status: 'completed',
        totalEmails: 2,
        processedEmails: 2,
        lastUpdated: expect.any(Date),
        results: [entry, { email: 'odd@example.com', details: { plain: 'text' } }],
      });
      expect(await database.collection('emailbatches').findOne({ fileId: 'f1' })).toMatchObject({
        requestId: 'r1',
        userId: 'u1',
        totalBatches: 1,
        completedBatches: 1,
        totalEmails: 2,
        status: 'completed',
        createdAt: expect.any(Date),
        lastUpdated: expect.any(Date),
        completedAt: new Date(stats.completedAt ?? 0),
      });
    });
    expect(emailsOf(await scanned(store, 'f1'))).toEqual(['Jane@example.com', 'odd@example.com']);
  });
});
