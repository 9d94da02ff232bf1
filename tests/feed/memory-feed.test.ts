import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type BatchVersion, summarize } from '../../src/domain/summary.js';
import { CELL_COUNT } from '../../src/domain/verdict.js';
import { FileLog } from '../../src/feed/memory/file-log.js';
import { MemoryFeed } from '../../src/feed/memory-feed.js';
import { append, FollowerSpy, headOf, start, state } from '../contracts/feed/harness.js';
import { addresses, update } from '../support/updates.js';

const TTL_MS = 10;

describe('what MemoryFeed forgets', () => {
  let feed: MemoryFeed;
  beforeEach(() => {
    jest.useFakeTimers();
    feed = new MemoryFeed({ history: 10, historyBytes: 10_000, totalBytes: 2 ** 20, ttlMs: TTL_MS });
  });
  afterEach(async () => {
    await feed.close();
    jest.useRealTimers();
  });

  it('forgets a file without followers, some time after its last change', async () => {
    await feed.begin('f1', start('e1'), null);
    await append(feed, 'f1');
    jest.advanceTimersByTime(TTL_MS - 1);
    expect(await headOf(feed, 'f1')).toMatchObject({ epoch: 'e1', revision: 1 });
    jest.advanceTimersByTime(2 * TTL_MS);
    expect(await feed.head('f1', [])).toBeNull();
    expect(await feed.since('f1', { epoch: 'e1', revision: 1 }, 1)).toBeNull();
    // It is begun anew like a new one.
    await feed.begin('f1', start('e2'), null);
    expect((await headOf(feed, 'f1')).epoch).toBe('e2');
  });

  it('keeps a file as long as it changes', async () => {
    await feed.begin('f1', start('e1'), null);
    for (let i = 1; i <= 20; i++) {
      jest.advanceTimersByTime(TTL_MS / 2);
      await append(feed, 'f1');
    }
    expect((await headOf(feed, 'f1')).revision).toBe(20);
  });

  it('keeps a file as long as it has a follower', async () => {
    const unfollow = await feed.follow('f1', new FollowerSpy());
    await feed.begin('f1', start('e1'), null);
    await feed.begin('f2', start('e1'), null);
    jest.advanceTimersByTime(100 * TTL_MS);
    expect(await feed.head('f2', [])).toBeNull();
    expect((await headOf(feed, 'f1')).epoch).toBe('e1');
    unfollow();
    jest.advanceTimersByTime(2 * TTL_MS);
    expect(await feed.head('f1', [])).toBeNull();
  });

  it('holds no process open, and leaves no timer behind', async () => {
    expect(jest.getTimerCount()).toBe(1);
    await feed.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('what all files together may take', () => {
  const TOTAL = 100_000;
  const RESULTS = 'x'.repeat(1_000);
  let feed: MemoryFeed;
  beforeEach(() => {
    feed = new MemoryFeed({ history: 100, historyBytes: 50_000, totalBytes: TOTAL, ttlMs: 3_600_000 });
  });
  afterEach(() => feed.close());

  const fill = async (fileId: string, events: number) => {
    if ((await feed.head(fileId, [])) === null) await feed.begin(fileId, start('e1'), null);
    for (let i = 0; i < events; i++) await append(feed, fileId, 1, RESULTS);
  };
  const recovers = async (fileId: string) =>
    (await feed.since(fileId, { epoch: 'e1', revision: 0 }, 1)) !== null;

  it('is never more than the limit, however many files there are', async () => {
    for (let i = 0; i < 300; i++) {
      await fill(`f${i}`, 3);
      expect(feed.bytes).toBeLessThanOrEqual(TOTAL);
    }
    // And what is counted goes away again.
    for (let i = 0; i < 300; i++) await feed.remove(`f${i}`);
    expect(feed.bytes).toBe(0);
  });

  it('is made room for by the oldest files without followers, heads and all', async () => {
    const unfollow = await feed.follow('watched', new FollowerSpy());
    await fill('watched', 10);
    await fill('old', 10);
    await fill('changed again', 10);
    await fill('new', 10);
    await append(feed, 'changed again');
    await fill('newest', 35);
    expect(await feed.head('old', [])).toBeNull();
    for (const fileId of ['watched', 'changed again', 'newest']) expect(await recovers(fileId)).toBe(true);
    unfollow();
    await fill('more', 30);
    await fill('and more', 40);
    expect(await feed.head('watched', [])).toBeNull();
  });

  it('is not taken by ids without a file, of which the newest 1,000 are kept once they are left', async () => {
    await feed.close();
    feed = new MemoryFeed({ history: 100, historyBytes: 50_000, totalBytes: 2 ** 23, ttlMs: 3_600_000 });
    await fill('f1', 10);
    const awaited = start('e1', { state: state({ generation: '' }) });
    const stay = await feed.follow('followed', new FollowerSpy());
    await feed.begin('followed', awaited, null);
    for (let i = 0; i < 10_000; i++) {
      // Every other listener leaves before its epoch has begun.
      const leave = await feed.follow(`x${i}`, new FollowerSpy());
      if (i % 2 === 0) leave();
      await feed.begin(`x${i}`, awaited, null);
      leave();
    }
    expect(await recovers('f1')).toBe(true);
    expect(await feed.head('x8000', [])).toBeNull();
    for (const fileId of ['x9100', 'x9999', 'followed'])
      expect((await headOf(feed, fileId)).epoch).toBe('e1');
    expect(feed.bytes).toBeLessThan(2 ** 22);
    // One that begins is one like any other.
    await append(feed, 'x9100', 1, RESULTS);
    for (let i = 0; i < 2_000; i++) await feed.begin(`y${i}`, awaited, null);
    expect(await recovers('x9100')).toBe(true);
    expect(await feed.head('x9999', [])).toBeNull();
    stay();
    await feed.begin('z', awaited, null);
    expect((await headOf(feed, 'followed')).epoch).toBe('e1');
  });

  it('leaves the heads of files with followers, and takes their histories, the oldest first', async () => {
    for (let i = 0; i < 20; i++) {
      await feed.follow(`f${i}`, new FollowerSpy());
      await fill(`f${i}`, 10);
    }
    expect(feed.bytes).toBeLessThanOrEqual(TOTAL);
    expect(await recovers('f0')).toBe(false);
    expect(await recovers('f19')).toBe(true);
    expect(await headOf(feed, 'f0')).toMatchObject({ epoch: 'e1', revision: 10 });
    // The listener that is up to date still is.
    expect(await feed.since('f0', { epoch: 'e1', revision: 10 }, 10)).toEqual([]);
    await append(feed, 'f0');
    expect(await feed.since('f0', { epoch: 'e1', revision: 10 }, 11)).toHaveLength(1);
  });

  it('is not taken by the heads of files with followers, and a change costs no look at them', async () => {
    await fill('left', 10);
    await feed.follow('watched', new FollowerSpy());
    await fill('watched', 10);
    const bytes = feed.bytes;
    const leave = await Promise.all(
      Array.from({ length: 500 }, (_, i) => feed.follow(`f${i}`, new FollowerSpy())),
    );
    for (let i = 0; i < leave.length; i++) await feed.begin(`f${i}`, start('e1'), null);
    expect(feed.bytes).toBe(bytes);
    const drops = jest.spyOn(FileLog.prototype, 'dropHistory');
    for (let i = 0; i < 10; i++) await append(feed, `f${i}`, 1, RESULTS);
    expect(drops).not.toHaveBeenCalled();
    drops.mockRestore();
    for (const stop of leave) stop();
    for (const fileId of ['left', 'watched', 'f9']) expect(await recovers(fileId)).toBe(true);
    await append(feed, 'left');
    expect(feed.bytes).toBeLessThanOrEqual(TOTAL);
  });

  it('is hardly taken by heads that are only read: they push out each other, however large one is', async () => {
    const unfollow = await feed.follow('watched', new FollowerSpy());
    await fill('watched', 20);
    unfollow();
    await fill('left', 40);
    // Of 200 KB: more than there is room for.
    const huge = start('e1', { state: state({ stats: 'x'.repeat(TOTAL) }) });
    for (let i = 0; i < 1_000; i++) {
      await feed.begin(`x${i}`, i % 10 === 0 ? huge : start('e1'), null);
      expect(await headOf(feed, `x${i}`)).toMatchObject({ revision: 0 });
    }
    for (const fileId of ['watched', 'left']) expect(await recovers(fileId)).toBe(true);
    expect(await feed.head('x0', [])).toBeNull();
    // The newest stay until they are appended to: many may have begun at once.
    expect(await headOf(feed, 'x998')).toMatchObject({ revision: 0 });
    await append(feed, 'x998', 1, RESULTS);
    expect(feed.bytes).toBeLessThanOrEqual(TOTAL);
  });

  it('has room for some heads that were just built, which are about to be appended to', async () => {
    await fill('old', 40);
    await fill('new', 34);
    for (const fileId of ['a', 'b']) await feed.begin(fileId, start('e1'), null);
    for (const fileId of ['a', 'b']) await append(feed, fileId);
    expect([await recovers('old'), await recovers('new')]).toEqual([false, true]);
  });

  it('keeps the file that changes, even if it alone is more', async () => {
    await feed.close();
    feed = new MemoryFeed({ history: 100, historyBytes: 50_000, totalBytes: 0, ttlMs: 3_600_000 });
    await fill('f1', 3);
    expect(await headOf(feed, 'f1')).toMatchObject({ revision: 3 });
    expect(await recovers('f1')).toBe(false);
    await fill('f2', 1);
    expect(await feed.head('f1', [])).toBeNull();
  });

  it('is counted as it is in memory', async () => {
    await feed.close();
    feed = new MemoryFeed({ history: 100, historyBytes: 2 ** 22, totalBytes: 2 ** 30, ttlMs: 3_600_000 });
    const before = await usedMemory();
    for (let i = 0; i < 2_000; i++) {
      await feed.begin(`f${i}`, start('e1', { batches: new Map(batchesOf(i)) }), null);
      // Two bytes a character in a string, and joined from pieces.
      for (let k = 0; k < 4; k++)
        await append(feed, `f${i}`, 1, `${'漢'.repeat(i % 500)}${'a'.repeat(i % 700)}`);
    }
    const used = (await usedMemory()) - before;
    expect(used).toBeGreaterThan(10_000_000);
    expect(used).toBeLessThan(1.2 * feed.bytes);
  });
});

it('says of each batch what was announced last, to the last count', async () => {
  const feed = new MemoryFeed({ history: 1, historyBytes: 0, totalBytes: 2 ** 20, ttlMs: 3_600_000 });
  const batches = new Map(batchesOf(7));
  await feed.begin('f1', start('e1', { batches }), null);
  const ids = [...batches.keys()];
  expect((await feed.head('f1', [...ids, 'unknown']))?.batches).toEqual(batches);
  const [id = ''] = ids;
  const later = { version: 9, summary: { ...summarize(FLAGS, resultsOf(150)), stalled: 1 } };
  const state = (await headOf(feed, 'f1')).state;
  await feed.append(
    'f1',
    { epoch: 'e1', revision: 0 },
    { state, batches: new Map([[id, later]]), events: [] },
  );
  expect((await feed.head('f1', ids))?.batches).toEqual(new Map([...batches, [id, later]]));
  await feed.close();
});

const FLAGS = { begun: true, isComplete: false, isFailed: false, isStalled: false, totalEmails: 200 };
const resultsOf = (count: number) =>
  update({ batchId: 'b', emails: addresses(count) }).results.map((result, index) => ({
    ...result,
    cell: (index * 7) % CELL_COUNT,
    facetBits: (index % 11) | ((index % 128) << 4),
  }));

const batchesOf = (seed: number) =>
  Array.from({ length: 1 + (seed % 8) }, (_, k): [string, BatchVersion] => [
    `${seed}-${k}`,
    { version: 1, summary: summarize(FLAGS, resultsOf(10 * (1 + (k % 3)))) },
  ]);

/** Collects garbage until there is none left: that of an earlier suite in this process may go in several rounds. */
async function usedMemory(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    collect();
    await setImmediate();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external > before - 100_000) return heapUsed + external;
    before = heapUsed + external;
  }
}
