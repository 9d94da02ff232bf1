/** What is due is found whatever the backlog of webhooks that are passed over. */
import { expect, test } from '@jest/globals';
import { Database } from '../../src/store/sqlite/database.js';
import { backlogReads, backlogWrites, deliveryWrites } from '../../src/store/sqlite/deliveries.js';
import { SCHEMA } from '../../src/store/sqlite/schema.js';
import { webhookWrites } from '../../src/store/sqlite/webhooks.js';
import { onTeardown } from '../support/teardown.js';

/** Webhooks with deliveries that are due: the first of them at `from`, each further one a millisecond later. */
function databaseWith(backlogs: Readonly<Record<string, { count: number; from: number }>>): Database {
  const db = new Database(':memory:');
  onTeardown(() => db.close());
  db.exec(SCHEMA);
  for (const [webhookId, { count, from }] of Object.entries(backlogs)) {
    const fixed = { seesEveryFile: false, events: [], fileId: null, isActive: true } as const;
    const url = `https://${webhookId}.example/`;
    const createdAt = new Date(0).toISOString();
    webhookWrites.add(db, { ...fixed, webhookId, ownerId: webhookId, url, secret: 's', createdAt }, 9);
    db.exec('BEGIN');
    for (let n = 0; n < count; n++)
      db.insert('deliveries', {
        deliveryId: `${webhookId}${n}`,
        webhookId,
        type: 'file.completed',
        state: 'pending',
        createdAt: from + n,
        since: from + n,
        nextAttemptAt: from + n,
        body: '{}',
      });
    db.exec('COMMIT');
  }
  return db;
}

const query = { now: 1_000_000, leaseMs: 10_000_000, limit: 4 };
const claimed = (db: Database, except: readonly string[], now = query.now) =>
  deliveryWrites.claimDue(db, { ...query, now, except }).map(({ deliveryId }) => deliveryId);

test('the longest due of all webhooks come first, and each is claimed once', () => {
  const db = databaseWith({ a: { count: 3, from: 10 }, b: { count: 3, from: 11 }, c: { count: 1, from: 5 } });
  expect(claimed(db, [], 11)).toEqual(['c0', 'a0', 'a1', 'b0']);
  expect(claimed(db, ['b'])).toEqual(['a2']);
  expect(claimed(db, ['a'])).toEqual(['b1', 'b2']);
  expect(claimed(db, [])).toEqual([]);
});

test('a backlog that is passed over costs no more than a few deliveries', () => {
  const shortestOf = (count: number) => {
    const db = databaseWith({ crowded: { count, from: 0 }, quiet: { count: 0, from: 0 } });
    const times = Array.from({ length: 20 }, () => {
      const startedAt = performance.now();
      expect(claimed(db, ['crowded'])).toEqual([]);
      return performance.now() - startedAt;
    });
    return Math.min(...times);
  };
  const few = shortestOf(10);
  expect(shortestOf(20_000)).toBeLessThan(5 * few + 0.5);
});

test('a backlog is ended, and deleted, some at a time', () => {
  const db = databaseWith({ a: { count: 400, from: 0 }, b: { count: 1, from: 0 } });
  const gone = { status: 410, error: null, outcome: 'gone', nextAttemptAt: null } as const;
  deliveryWrites.report(db, 'a0', gone);
  const turns = (step: () => number) => [step(), step(), step()];
  expect(turns(() => backlogWrites.endSome(db, 'a0'))).toEqual([149, 0, 0]);
  expect(turns(() => backlogWrites.dropSome(db, 'a'))).toEqual([250, 150, 0]);
  expect(claimed(db, [])).toEqual(['b0']);
});

test('what is left of a webhook that was removed is known, and is never due', () => {
  const db = databaseWith({ a: { count: 3, from: 0 }, b: { count: 1, from: 0 }, c: { count: 2, from: 0 } });
  expect(backlogReads.removed(db)).toEqual([]);
  for (const webhookId of ['a', 'c']) expect(webhookWrites.remove(db, webhookId)).toBe(true);
  expect(backlogReads.removed(db)).toEqual(['a', 'c']);
  expect(claimed(db, [])).toEqual(['b0']);
});

test('deliveries that have ended are deleted some at a time', () => {
  const db = databaseWith({ a: { count: 400, from: 0 } });
  db.exec("UPDATE deliveries SET state = 'failed' WHERE createdAt > 0");
  const drop = () => deliveryWrites.dropSettled(db, 399);
  expect([drop(), drop(), drop()]).toEqual([250, 148, 0]);
});
