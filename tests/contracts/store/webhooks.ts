import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { Store } from '../../../src/store/store.js';
import {
  type AttemptResult,
  type DueDelivery,
  WEBHOOK_EVENTS,
  type Webhook,
} from '../../../src/store/webhooks.js';
import { announce, register, type Stores, save } from './harness.js';

const LEASE_MS = 30_000;
const DELIVERED: AttemptResult = { status: 204, error: null, outcome: 'delivered', nextAttemptAt: null };

const webhook = (more: Partial<Webhook> = {}): Webhook => ({
  webhookId: randomUUID(),
  ownerId: 'jane',
  seesEveryFile: false,
  url: 'https://example.com/hook',
  events: WEBHOOK_EVENTS,
  fileId: null,
  secret: 'whsec_c2VjcmV0',
  createdAt: new Date().toISOString(),
  isActive: true,
  ...more,
});

const claim = (store: Store, more: { now?: number; limit?: number; except?: string[] } = {}) =>
  store.webhooks.claimDue({ now: Date.now(), limit: 100, leaseMs: LEASE_MS, except: [], ...more });

const typesOf = (due: readonly DueDelivery[]) => due.map(({ body }) => JSON.parse(body).type);

async function complete(store: Store, fileId: string, batchId: string, userId: string | null) {
  await register(store, { fileId, userId, requestId: batchId, batches: [batchId] });
  await save(store, { batchId, emails: ['a@x'], isComplete: true });
  return announce(store, fileId);
}

export function webhooks({ own }: Stores): void {
  it('keeps webhooks, the oldest first, at most so many for each owner', async () => {
    const { store } = await own();
    const first = webhook({ createdAt: '2026-01-01T00:00:00.000Z', fileId: 'f', events: ['file.deleted'] });
    const second = webhook({ createdAt: '2026-01-02T00:00:00.000Z' });
    const other = webhook({ ownerId: null, seesEveryFile: true });
    for (const each of [first, second, other]) expect(await store.webhooks.add(each, 2)).toBe(true);
    expect(await store.webhooks.add(webhook(), 2)).toBe(false);
    expect(await store.webhooks.list('jane')).toEqual([first, second]);
    expect(await store.webhooks.list(null)).toEqual([other]);
    expect(await store.webhooks.list(undefined)).toHaveLength(3);
    expect(await store.webhooks.find(first.webhookId)).toEqual(first);
    expect(await store.webhooks.remove(first.webhookId)).toBe(true);
    expect(await store.webhooks.remove(first.webhookId)).toBe(false);
    expect(await store.webhooks.find(first.webhookId)).toBeNull();
  });

  it('owes an event for each end, stall and purge, once, with the stats', async () => {
    const { store, f1, b1 } = await own();
    const mine = webhook();
    await store.webhooks.add(mine, 9);
    await register(store, { fileId: f1, userId: 'jane', batches: [b1] });
    await save(store, { batchId: b1, emails: ['a@x'] });
    await announce(store, f1);
    expect(await claim(store)).toEqual([]);

    const soon = Date.now() + 60_000;
    await store.updates.markStalled({ begunBefore: soon, queuedBefore: soon });
    const stalled = await announce(store, f1);
    await announce(store, f1);
    await save(store, { batchId: b1, emails: ['a@x', 'b@x'], isComplete: true });
    const ended = await announce(store, f1);
    await announce(store, f1);
    await store.files.purge(Date.now() + 60_000);
    const purged = await announce(store, f1);

    const due = await claim(store, { now: Date.now() + 10 });
    const bodies = due.map(({ body }) => JSON.parse(body));
    const byType = new Map(bodies.map((body) => [body.type, body.data]));
    expect(bodies).toHaveLength(3);
    expect(byType.get('file.stalled')).toEqual(stalled);
    expect(byType.get('file.completed')).toEqual(ended);
    expect(byType.get('file.purged')).toEqual(purged);
    for (const { timestamp } of bodies) expect(timestamp).toBe(new Date(timestamp).toISOString());
    for (const { url, secret } of due) expect([url, secret]).toEqual([mine.url, mine.secret]);
  });

  it('owes a failed file, and a deleted one without its stats', async () => {
    const { store, f1, b1 } = await own();
    await store.webhooks.add(webhook(), 9);
    await register(store, { fileId: f1, userId: 'jane', batches: [b1] });
    await store.updates.fail(f1, b1, 'the worker died');
    await announce(store, f1);
    await store.files.remove(f1);
    await store.files.remove(f1);
    const due = await claim(store, { now: Date.now() + 10 });
    expect(typesOf(due).sort()).toEqual(['file.deleted', 'file.failed']);
    const deletion = due.map(({ body }) => JSON.parse(body)).find(({ type }) => type === 'file.deleted');
    expect(deletion.data).toEqual({ fileId: f1 });
  });

  it('owes an event to the owner that the file had then, whoever has it now', async () => {
    const { store, f1, f2, b1, b2, b3 } = await own();
    const [janes, johns] = [webhook(), webhook({ ownerId: 'john' })];
    for (const each of [janes, johns]) await store.webhooks.add(each, 9);
    await complete(store, f1, b1, 'jane');
    await complete(store, f2, b2, 'jane');
    // In the same request, and by another one.
    await register(store, { fileId: f1, userId: 'john', requestId: b1 });
    await register(store, { fileId: f2, userId: 'john', requestId: b3, batches: [b3] });
    const due = await claim(store, { now: Date.now() + 10 });
    expect(due.map(({ webhookId }) => webhookId)).toEqual([janes.webhookId, janes.webhookId]);
    await complete(store, f2, b3, 'john');
    const next = await claim(store, { now: Date.now() + 10 });
    expect(next.map(({ webhookId }) => webhookId)).toEqual([johns.webhookId]);
  });

  it('owes the end of a file to the owner at the time it is announced, and none of a file that is deleted before', async () => {
    const { store, f1, f2, b1, b2 } = await own();
    const [janes, johns] = [webhook(), webhook({ ownerId: 'john' })];
    for (const each of [janes, johns]) await store.webhooks.add(each, 9);
    for (const [fileId, batchId] of [
      [f1, b1],
      [f2, b2],
    ] as const) {
      await register(store, { fileId, userId: 'jane', requestId: batchId, batches: [batchId] });
      await save(store, { batchId, emails: ['a@x'], isComplete: true });
    }
    await register(store, { fileId: f1, userId: 'john', requestId: b1 });
    await announce(store, f1);
    await store.files.remove(f2);
    const due = await claim(store, { now: Date.now() + 10 });
    const said = due.map(({ webhookId, body }) => [webhookId, JSON.parse(body).type]);
    expect(said.sort()).toEqual(
      [
        [janes.webhookId, 'file.deleted'],
        [johns.webhookId, 'file.completed'],
      ].sort(),
    );
  });

  it("gives a webhook its owner's files only, the events and the file that it names", async () => {
    const { store, f1, f2, b1, b2 } = await own();
    const mine = webhook();
    const hooks = [
      mine,
      webhook({ fileId: f2 }),
      webhook({ events: ['file.failed'] }),
      webhook({ ownerId: 'john' }),
      webhook({ ownerId: null }),
      webhook({ isActive: false }),
    ];
    for (const hook of hooks) await store.webhooks.add(hook, 9);
    const admin = webhook({ ownerId: 'root', seesEveryFile: true });
    await store.webhooks.add(admin, 9);
    await complete(store, f1, b1, 'jane');
    await complete(store, f2, b2, null);
    const due = await claim(store, { now: Date.now() + 10 });
    const counts = new Map<string, number>();
    for (const { webhookId } of due) counts.set(webhookId, (counts.get(webhookId) ?? 0) + 1);
    expect(counts).toEqual(
      new Map([
        [mine.webhookId, 1],
        [admin.webhookId, 2],
      ]),
    );
  });

  it('leases a delivery to one caller at a time, and makes it due again after the lease', async () => {
    const { store, f1, b1 } = await own();
    const mine = webhook();
    await store.webhooks.add(mine, 9);
    await complete(store, f1, b1, 'jane');
    const now = Date.now() + 10;
    const claims = await Promise.all([1, 2, 3].map(() => claim(store, { now })));
    const [first] = claims.flat();
    expect(claims.flat()).toHaveLength(1);
    expect(first).toMatchObject({ attempts: 1, webhookId: mine.webhookId });
    expect(await claim(store, { now: now + LEASE_MS - 1 })).toEqual([]);
    expect(await claim(store, { now: now + LEASE_MS, except: [mine.webhookId] })).toEqual([]);
    const [again] = await claim(store, { now: now + LEASE_MS });
    expect(again).toEqual({ ...first, attempts: 2 });
  });

  it('tells what became of each attempt, and replays under the same id', async () => {
    const { store, f1, b1 } = await own();
    const mine = webhook();
    await store.webhooks.add(mine, 9);
    await complete(store, f1, b1, 'jane');
    const now = Date.now() + 10;
    const [due] = await claim(store, { now });
    const deliveryId = due?.deliveryId ?? '';
    const list = (after: string | null = null) =>
      store.webhooks.deliveries(mine.webhookId, { limit: 10, after });

    const later = now + 5_000;
    await store.webhooks.report(deliveryId, {
      status: 500,
      error: null,
      outcome: 'retry',
      nextAttemptAt: later,
    });
    const waiting = { deliveryId, webhookId: mine.webhookId, type: 'file.completed', state: 'pending' };
    expect(await list()).toEqual([
      expect.objectContaining({
        ...waiting,
        attempts: 1,
        lastStatus: 500,
        lastError: null,
        lastAttemptAt: new Date(now).toISOString(),
        nextAttemptAt: new Date(later).toISOString(),
      }),
    ]);
    expect(await claim(store, { now: later - 1 })).toEqual([]);
    expect(await claim(store, { now: later })).toHaveLength(1);
    await store.webhooks.report(deliveryId, DELIVERED);
    expect(await list()).toMatchObject([{ state: 'delivered', attempts: 2, nextAttemptAt: null }]);

    expect(await store.webhooks.replay('another', deliveryId, later)).toBe(false);
    expect(await store.webhooks.replay(mine.webhookId, 'another', later)).toBe(false);
    expect(await store.webhooks.replay(mine.webhookId, deliveryId, later)).toBe(true);
    expect(await claim(store, { now: later })).toMatchObject([{ deliveryId, attempts: 3, since: later }]);
    await store.webhooks.report(deliveryId, DELIVERED);
    expect(await list(deliveryId)).toEqual([]);
    await store.webhooks.dropSettled(now - 3_600_000);
    expect(await list()).toHaveLength(1);
    await store.webhooks.dropSettled(now + 3_600_000);
    expect(await list()).toEqual([]);
  });

  it('keeps the newest deliveries of each webhook, and gives the oldest up that wait', async () => {
    const { store } = await own();
    const [mine, another] = [webhook(), webhook({ ownerId: 'joe' })];
    for (const each of [mine, another]) await store.webhooks.add(each, 9);
    const files = ['1', '2', '3', '4', '5'];
    for (const fileId of files) await complete(store, fileId, fileId, 'jane');
    await complete(store, 'joes', 'joes', 'joe');
    // Some stores make the events into deliveries when they are asked for what is due.
    await claim(store, { limit: 0 });
    const list = () => store.webhooks.deliveries(mine.webhookId, { limit: 10, after: null });
    const [fifth, fourth, third, second, first] = (await list()).map(({ deliveryId }) => deliveryId);
    const stateOf = async (deliveryId = '') =>
      (await list()).find((delivery) => delivery.deliveryId === deliveryId);

    expect(await store.webhooks.keepWithin(5)).toEqual([]);
    expect(await store.webhooks.keepWithin(3)).toEqual([{ webhookId: mine.webhookId, deliveries: 2 }]);
    const givenUp = { state: 'failed', lastError: 'too_many_pending', nextAttemptAt: null };
    for (const deliveryId of [first, second]) expect(await stateOf(deliveryId)).toMatchObject(givenUp);
    expect(await store.webhooks.keepWithin(3)).toEqual([]);
    // All have ended but the one that is replayed.
    for (const deliveryId of [third, fourth, fifth]) await store.webhooks.report(deliveryId ?? '', DELIVERED);
    expect(await store.webhooks.replay(mine.webhookId, second ?? '', Date.now())).toBe(true);
    expect(await store.webhooks.keepWithin(1)).toEqual([]);
    expect((await list()).map(({ deliveryId, state }) => [deliveryId, state])).toEqual([
      [fifth, 'delivered'],
      [second, 'pending'],
    ]);
    expect(await store.webhooks.deliveries(another.webhookId, { limit: 10, after: null })).toMatchObject([
      { state: 'pending' },
    ]);
  });

  it('deletes a webhook with its deliveries, and no other', async () => {
    const { store } = await own();
    const [mine, another] = [webhook(), webhook({ ownerId: 'joe' })];
    for (const each of [mine, another]) await store.webhooks.add(each, 9);
    for (const fileId of ['1', '2']) await complete(store, fileId, fileId, 'jane');
    await complete(store, 'joes', 'joes', 'joe');
    await claim(store, { limit: 0 });
    const counts = () =>
      Promise.all(
        [mine, another].map(async ({ webhookId }) => {
          return (await store.webhooks.deliveries(webhookId, { limit: 10, after: null })).length;
        }),
      );
    expect(await counts()).toEqual([2, 1]);
    expect(await store.webhooks.remove(mine.webhookId)).toBe(true);
    expect(await counts()).toEqual([0, 1]);
    expect(await claim(store, { now: Date.now() + 10 })).toMatchObject([{ webhookId: another.webhookId }]);
    // Also what a removal that was interrupted has left.
    await store.webhooks.dropSettled(0);
    expect(await counts()).toEqual([0, 1]);
  });

  it('ends a webhook whose receiver is gone, with all that is pending', async () => {
    const { store, f1, f2, b1, b2 } = await own();
    const mine = webhook();
    await store.webhooks.add(mine, 9);
    await complete(store, f1, b1, 'jane');
    await complete(store, f2, b2, 'jane');
    const [due] = await claim(store, { now: Date.now() + 10, limit: 1 });
    await store.webhooks.report(due?.deliveryId ?? '', {
      status: 410,
      error: null,
      outcome: 'gone',
      nextAttemptAt: null,
    });
    expect(await claim(store, { now: Date.now() + 2 * LEASE_MS })).toEqual([]);
    const states = await store.webhooks.deliveries(mine.webhookId, { limit: 10, after: null });
    expect(states.map(({ state }) => state)).toEqual(['failed', 'failed']);
    expect((await store.webhooks.find(mine.webhookId))?.isActive).toBe(false);
  });
}
