import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { listsOf } from '../contracts/store/harness.js';
import { addresses } from '../support/updates.js';
import { Copy, engine, gatewayOn } from './stage.js';

/** Waits for the store's thread without advancing the clock of the test. */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns > 1_000_000) throw new Error(`it did not happen: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the pace of announcements', () => {
  beforeEach(() => {
    // The clock and the timers of the flusher only; threads and everything else go on.
    jest.useFakeTimers({
      doNotFake: [
        'setImmediate',
        'clearImmediate',
        'nextTick',
        'queueMicrotask',
        'hrtime',
        'setInterval',
        'clearInterval',
      ],
    });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** A file whose changes are counted, and another one to prove that nothing more is on its way. */
  async function watched(intervalMs: number) {
    const both = await engine();
    const gateway = gatewayOn(both, intervalMs);
    const copy = await Copy.of(both, 'f1');
    let barriers = 0;
    return {
      ...gateway,
      copy,
      flushes: () => copy.events.filter(({ feed }) => feed === 'stats').length,
      async nothingMore(flushes: number) {
        const fileId = `barrier ${++barriers}`;
        const barrier = await Copy.of(both, fileId);
        await gateway.take({ batchId: fileId, fileId, emails: ['x'] });
        await until('the barrier came', () => barrier.stats !== null);
        expect(copy.events.filter(({ feed }) => feed === 'stats')).toHaveLength(flushes);
      },
    };
  }

  it('is one at once, then one an interval, and the last state at its end', async () => {
    const { take, copy, flushes, nothingMore } = await watched(1_000);
    await take({ batchId: 'b1', fileId: 'f1', emails: addresses(1) });
    await until('the first change went out at once', () => flushes() === 1);
    await take({ batchId: 'b1', fileId: 'f1', emails: addresses(2) });
    await take({ batchId: 'b2', fileId: 'f1', emails: addresses(7) });
    await nothingMore(1);
    jest.advanceTimersByTime(999);
    await nothingMore(1);
    jest.advanceTimersByTime(1);
    await until('the interval was over', () => flushes() === 2);
    expect(Object.fromEntries(copy.lists)).toEqual({ b1: addresses(2), b2: addresses(7) });
    jest.advanceTimersByTime(60_000);
    await nothingMore(2);
    await take({ batchId: 'b1', fileId: 'f1', emails: addresses(3) });
    await until('the first after a quiet spell went out at once', () => flushes() === 3);
  });

  it('is at most one an interval under any load, and the last state always goes out', async () => {
    const { take, copy, flushes, nothingMore } = await watched(1_000);
    for (let count = 1; count <= 60; count++) {
      await take({ batchId: 'b1', fileId: 'f1', emails: addresses(count) });
      jest.advanceTimersByTime(100);
      expect(flushes()).toBeLessThanOrEqual(2 + Math.ceil(count / 10));
    }
    jest.advanceTimersByTime(1_000);
    await until('the last state went out', () => copy.lists.get('b1')?.length === 60);
    jest.advanceTimersByTime(10_000);
    await nothingMore(flushes());
    expect(flushes()).toBeLessThanOrEqual(9);
  });

  it('does not delay a caller that ends a batch and waits for the stats', async () => {
    const { take, pipeline, feed, copy } = await watched(60_000);
    await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    expect(await pipeline.fail('f1', 'b1', 'gave up')).toBe(true);
    const head = await feed.head('f1', []);
    expect(JSON.parse(head?.state.stats ?? '')).toMatchObject({ status: 'failed', batches: { failed: 1 } });
    expect(copy.stats).toMatchObject({ status: 'failed', progress: { processed: 1 } });
    expect(await pipeline.fail('f1', 'nobody', '')).toBe(false);
  });

  it('does not delay the shutdown: draining announces all', async () => {
    const { take, flusher, store, copy, feed } = await watched(60_000);
    for (let count = 1; count <= 5; count++) {
      for (const batchId of ['b1', 'b2', 'b3'])
        await take({ batchId, fileId: 'f1', emails: addresses(count) });
    }
    await flusher.drain();
    expect(Object.fromEntries(copy.lists)).toEqual(await listsOf(store, 'f1'));
    expect(copy.stats?.progress.processed).toBe(15);
    // Lists of files show what is announced, and the outbox is empty.
    expect(await store.changes.unannounced()).toEqual([]);
    const [listed] = await store.files.list({ limit: 1, after: null });
    expect(listed?.stats).toBe((await feed.head('f1', []))?.state.stats);
    await flusher.drain();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('an announcement', () => {
  it('is split into events of so many results, under revisions of their own', async () => {
    const both = await engine();
    const { take, flusher } = gatewayOn(both, 0, 100);
    const copy = await Copy.of(both, 'f1');
    await take({ batchId: 'b1', fileId: 'f1', emails: addresses(1_234) });
    await flusher.drain();
    const events = copy.emails;
    expect(events.map(({ emails }) => emails.length)).toEqual([...Array(12).fill(100), 34]);
    expect(events.map(({ revision, previous }) => [revision, previous])).toEqual(
      events.map((_, i) => [i + 1, i]),
    );
    expect(copy.stats).toMatchObject({ revision: 13, progress: { processed: 1_234 } });
    // The stats come last: a listener that has them has the results that they count.
    expect(copy.events.at(-1)).toMatchObject({ feed: 'stats', revision: 13 });
    expect(copy.lists.get('b1')).toEqual(addresses(1_234));
  });

  it('is split where its results are long', async () => {
    const both = await engine();
    const { take, flusher } = gatewayOn(both);
    const copy = await Copy.of(both, 'f1');
    const emails = [
      ...addresses(40).map((address) => address.padStart(20_000, 'x')),
      'y'.repeat(700_000),
      'z',
    ];
    await take({ batchId: 'b1', fileId: 'f1', emails });
    await flusher.drain();
    expect(copy.lists.get('b1')).toEqual(emails);
    for (const { payload } of copy.events.filter(({ payload }) => !payload.includes('yyyy'))) {
      expect(Buffer.byteLength(payload)).toBeLessThan(300_000);
    }
    // A result that is too long for any event has an event of its own.
    const alone = copy.emails.filter(({ emails: some }) =>
      some.some(({ email }) => email.startsWith('yyyy')),
    );
    expect(alone.map(({ emails: some }) => some.length)).toEqual([1]);
  });

  it('truncates a list that is shorter now before it announces new results', async () => {
    const both = await engine();
    const { take, flusher } = gatewayOn(both, 0, 100);
    const copy = await Copy.of(both, 'f1');
    await take({ batchId: 'b1', fileId: 'f1', emails: addresses(400) });
    await flusher.drain();
    const shorter = [...addresses(10), ...addresses(290, 'new')];
    await take({ batchId: 'b1', fileId: 'f1', emails: shorter, isComplete: true, totalEmails: 400 });
    await flusher.drain();
    expect(copy.emails.flatMap(({ truncated }) => truncated ?? [])).toEqual([{ batchId: 'b1', length: 300 }]);
    expect(copy.lists.get('b1')).toEqual(shorter);
    expect(copy.stats?.progress).toEqual({ total: 400, processed: 300, skipped: 100, percentage: 100 });
    await take({
      batchId: 'b1',
      fileId: 'f1',
      emails: [],
      isComplete: true,
      processedCount: 301,
      totalEmails: 400,
    });
    await flusher.drain();
    expect(copy.emails.at(-1)).toMatchObject({ emails: [], truncated: [{ batchId: 'b1', length: 0 }] });
    expect(copy.lists.get('b1')).toEqual([]);
  });

  it('says nothing where nothing is new', async () => {
    const both = await engine();
    const { take, flusher, register } = gatewayOn(both);
    const copy = await Copy.of(both, 'f1');
    await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] });
    await flusher.drain();
    const { length } = copy.events;
    for (let i = 0; i < 5; i++) {
      expect(await take({ batchId: 'b1', fileId: 'f1', emails: ['a'] })).toBe('unchanged');
      await register({ fileId: 'f1', requestId: null, batches: ['b1'] });
      flusher.markChanged('f1', ['b1']);
      flusher.markChanged('f1', []);
      flusher.markChanged('nobody', ['b1']);
      await flusher.drain();
    }
    expect(copy.events).toHaveLength(length);
  });

  it('takes in thousands of batches that change at once', async () => {
    const both = await engine();
    const { pipeline, register, take, flusher, store } = gatewayOn(both);
    const batchIds = Array.from({ length: 1_000 }, (_, i) => `b${i}`);
    await register({ fileId: 'f1', batches: batchIds });
    await flusher.drain();
    const copy = await Copy.of(both, 'f1');
    await Promise.all(batchIds.map((batchId) => take({ batchId, emails: [batchId, `${batchId}-2`] })));
    await flusher.drain();
    expect(copy.stats?.progress.processed).toBe(2_000);
    expect(Object.fromEntries(copy.lists)).toEqual(await listsOf(store, 'f1'));
    await pipeline.markStalled({ begunBefore: Date.now() + 60_000, queuedBefore: 0 });
    await flusher.drain();
    expect(copy.stats?.batches).toMatchObject({ total: 1_000, stalled: 1_000 });
  });
});
