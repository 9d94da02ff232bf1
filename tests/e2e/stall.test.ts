import { describe, expect, test } from '@jest/globals';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { readUpdate } from '../../src/domain/read-update.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { onTeardown, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer, pathOf } from '../support/producer.js';
import type { StatsEvent } from '../support/protocol.js';
import { plainResults } from '../support/results.js';

const RESULTS = plainResults('jane', 10);

async function stage(env: NodeJS.ProcessEnv) {
  const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '1', ...env });
  const producer = new Producer(url);
  const batches = ['a', 'b'].map((batchId) => ({ batchId, totalEmails: 10 }));
  await producer.register('f', { batches });
  const listener = await new StrictListener('f').join(url);
  const onlyStats = await new StrictListener('f', { feeds: ['stats'] }).join(url);
  const fail = (batchId: string, fileId = 'f', body: unknown = { reason: 'no worker' }) =>
    producer.call('POST', `${pathOf(fileId)}/batches/${batchId}/fail`, body);
  return { url, producer, listener, onlyStats, fail };
}

const stalled = (listener: StrictListener) => listener.stats?.batches.stalled;

describe('silence', () => {
  test('of a batch that has begun is counted and announced, and ends with any update', async () => {
    const { producer, listener, onlyStats } = await stage({ STALL_AFTER_MS: '60' });
    await producer.update(message('a', RESULTS, { upTo: 5, total: 10 }));
    for (const one of [listener, onlyStats]) await one.until(() => stalled(one) === 1);
    expect(listener.stats).toMatchObject({ status: 'processing', progress: { processed: 5 } });
    expect((await producer.get('/api/files/f/stats')).body).toEqual(listener.stats);

    // A repeated update changes nothing but ends the silence.
    const revision = listener.stats?.revision ?? 0;
    expect(await producer.update(message('a', RESULTS, { upTo: 5, total: 10 }))).toBe('applied');
    await listener.until(() => listener.events.some(isAlive(revision)));
    await listener.until(() => stalled(listener) === 1);

    await producer.update(message('a', RESULTS, { isComplete: true }));
    for (const one of [listener, onlyStats]) await one.until(() => one.stats?.batches.completed === 1);
    expect(listener.stats?.batches).toEqual({ total: 2, completed: 1, failed: 0, stalled: 0 });
    expect(listener.copy.size).toBe(10);
    for (const one of [listener, onlyStats]) expect(one.faults).toEqual([]);
  });

  test('of a whole file makes its waiting batches stalled, too', async () => {
    const { producer, listener } = await stage({ STALL_AFTER_MS: '40', QUEUE_STALL_AFTER_MS: '1000' });
    await producer.update(message('a', RESULTS, { upTo: 5, total: 10 }));
    await listener.until(() => stalled(listener) === 2);
    const counts = listener.events.flatMap(({ feed, body }) =>
      feed === 'stats' ? [body.batches.stalled] : [],
    );
    // A batch that has not begun is given more time.
    expect(counts.filter((count, index) => count !== counts[index - 1])).toEqual([0, 1, 2]);
    await producer.update(message('b', RESULTS, { isComplete: true }));
    await listener.until(() => stalled(listener) === 1);
    expect(listener.stats?.batches).toEqual({ total: 2, completed: 1, failed: 0, stalled: 1 });
  });

  test('of an unregistered batch or a finished file is not counted', async () => {
    const { producer, listener } = await stage({ STALL_AFTER_MS: '20', QUEUE_STALL_AFTER_MS: '20' });
    await producer.update(message('unregistered', RESULTS, { upTo: 5, total: 10 }));
    for (const batchId of ['a', 'b']) await producer.update(message(batchId, RESULTS, { isComplete: true }));
    await producer.update(message('other', RESULTS, { upTo: 1, total: 10, fileId: 'other' }));
    const other = await new StrictListener('other').join(producer.url);
    // When this batch is found silent, the finished file would have been found as well.
    await other.until(() => stalled(other) === 1);
    expect((await producer.get('/api/files/f/stats')).body).toMatchObject({
      status: 'completed',
      batches: { total: 2, completed: 2, stalled: 0 },
    });
    await listener.until(() => listener.stats?.status === 'completed');
    expect(stalled(listener)).toBe(0);
  });
});

const isAlive =
  (revision: number) =>
  ({ feed, body }: StrictListener['events'][number]): boolean =>
    feed === 'stats' && body.revision > revision && body.batches.stalled === 0;

describe('a batch ended by hand', () => {
  test('ends its file as failed, and a late update is still accepted', async () => {
    const { producer, listener, fail } = await stage({});
    await producer.update(message('a', RESULTS, { upTo: 5, total: 10 }));
    const first = await fail('a');
    expect(first).toMatchObject({ status: 200, body: { status: 'processing', batches: { failed: 1 } } });
    const second = await fail('b');
    expect(second).toMatchObject({
      status: 200,
      body: { status: 'failed', progress: { total: 20, processed: 5 }, batches: { failed: 2, completed: 0 } },
    });
    expect((second.body as unknown as StatsEvent).revision).toBeGreaterThan(
      (first.body as unknown as StatsEvent).revision,
    );
    expect(second.body.completedAt).toEqual(expect.any(String));
    await listener.until(() => listener.stats?.status === 'failed');
    expect(listener.stats).toEqual(second.body);
    // Repeating it changes nothing.
    expect(await fail('b')).toEqual(second);

    // An update without new results does not undo it; one with new results does.
    expect(await producer.update(message('a', RESULTS, { upTo: 5, total: 10 }))).toBe('unchanged');
    expect((await producer.get('/api/files/f/stats')).body).toEqual(second.body);
    expect(await producer.update(message('a', RESULTS, { upTo: 6, total: 10 }))).toBe('applied');
    await listener.until(() => listener.stats?.status === 'processing');
    expect(listener.stats).toMatchObject({ batches: { failed: 1 }, completedAt: null });
    for (const batchId of ['a', 'b']) await producer.update(message(batchId, RESULTS, { isComplete: true }));
    await listener.until(() => listener.stats?.status === 'completed');
    expect(listener.stats).toMatchObject({
      batches: { completed: 2, failed: 0 },
      progress: { percentage: 100 },
    });
    expect(await fail('a')).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(listener.faults).toEqual([]);
  });

  test('of another file, of none, or without a reason, is refused', async () => {
    const { fail } = await stage({});
    expect(await fail('a', 'other')).toMatchObject({ status: 404, body: { code: 'file_not_found' } });
    expect(await fail('c')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    for (const body of ['', 'null', '{}', '{"reason":7}', '{"reason":""}'])
      expect(await fail('a', 'f', body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  test('by its producer stays ended until a complete list comes', async () => {
    const { producer, listener } = await stage({});
    await producer.update({ batchId: 'a', failed: true, error: 'out of memory' });
    await producer.update(message('b', RESULTS, { upTo: 4, total: 10, failed: true, error: 'no worker' }));
    await listener.until(() => listener.stats?.status === 'failed');
    expect(listener.stats).toMatchObject({ progress: { processed: 4 }, batches: { failed: 2 } });
    await producer.update(message('b', RESULTS, { upTo: 8, total: 10 }));
    await listener.until(() => listener.stats?.progress.processed === 8);
    expect(listener.stats).toMatchObject({ status: 'failed', batches: { failed: 2 } });
    await producer.update(message('b', RESULTS, { isComplete: true }));
    await producer.update(message('a', RESULTS, { upTo: 7, total: 10, isComplete: true }));
    await listener.until(() => listener.stats?.status === 'completed');
    expect(listener.stats?.progress).toEqual({ total: 20, processed: 17, skipped: 3, percentage: 100 });
    expect(listener.faults).toEqual([]);
  });
});

describe('a file as a whole', () => {
  const registration = (batchIds: readonly string[]) => ({
    fileId: 'f',
    requestId: null,
    userId: null,
    totalEmails: null,
    totalBatches: null,
    batches: batchIds.map((batchId) => ({ batchId, totalEmails: 10 })),
  });

  async function openStore(): Promise<SqliteStore> {
    const directory = temporaryDirectory();
    const store = await SqliteStore.open({
      directory,
      heldTtlMs: 1e9,
      maxHeldBytes: 1e9,
      deadLetterTtlMs: 1e9,
      maxDeadLetterBytes: 1e9,
    });
    onTeardown(() => store.close());
    return store;
  }

  /** A time after everything that has happened, and before everything that will. */
  function between(): number {
    const now = Date.now() + 1;
    while (Date.now() < now);
    return now;
  }

  test('stays silent when it is found silent: all its waiting batches are found in turn', async () => {
    const store = await openStore();
    await store.updates.register(
      registration(Array.from({ length: 1_500 }, (_, number) => `b${number}`)),
      VALIDATOR,
    );
    const queuedBefore = between();
    let found = 0;
    for (let looks = 0; looks < 3; looks++) {
      for (const { batchIds } of await store.updates.markStalled({ begunBefore: 0, queuedBefore }))
        found += batchIds.length;
    }
    expect(found).toBe(1_500);
  });

  test('is no longer silent after a message without new results', async () => {
    const store = await openStore();
    await store.updates.register(registration(['a', 'b']), VALIDATOR);
    const update = readUpdate(message('a', RESULTS, { upTo: 5, total: 10 }));
    await store.updates.save(update, VALIDATOR);
    const queuedBefore = between();
    expect(await store.updates.save(update, VALIDATOR)).toMatchObject({ outcome: 'unchanged' });
    expect(await store.updates.markStalled({ begunBefore: 0, queuedBefore })).toEqual([]);
    expect(await store.updates.markStalled({ begunBefore: 0, queuedBefore: between() })).toEqual([
      { fileId: 'f', batchIds: ['b'] },
    ]);
  });
});
