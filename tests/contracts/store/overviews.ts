import { expect, it } from '@jest/globals';
import { type Overview, overviewOf } from '../../../src/domain/overview.js';
import type { Stats } from '../../../src/domain/stats.js';
import type { Store, Viewer } from '../../../src/store/store.js';
import { effort } from '../../support/effort.js';
import { addresses } from '../../support/updates.js';
import { announce, register, type Stores, save } from './harness.js';

async function overview(store: Store, viewer: Viewer | null = null): Promise<Overview> {
  const { counts, lastUpdated } = await store.files.overview(viewer);
  return overviewOf(counts, lastUpdated);
}

const of = (userId: string | null, ...fileIds: string[]): Viewer => ({ userId, fileIds });

/** The same sums, by reading every file. */
function added(all: readonly Stats[]): Pick<Overview, 'stats' | 'risk'> & { total: number } {
  const sum = (of: (stats: Stats) => number) => all.reduce((total, stats) => total + of(stats), 0);
  const empty = overviewOf({}, 0);
  for (const [status, { categories }] of Object.entries(empty.stats) as [
    keyof Stats['stats'],
    { categories?: Record<string, number> },
  ][]) {
    empty.stats[status].count = sum(({ stats }) => stats[status].count);
    for (const category of Object.keys(categories ?? {}))
      (categories as Record<string, number>)[category] = sum(
        ({ stats }) => stats[status].categories?.[category] ?? 0,
      );
  }
  for (const level of Object.keys(empty.risk) as (keyof Stats['risk'])[])
    empty.risk[level] = sum(({ risk }) => risk[level]);
  return { stats: empty.stats, risk: empty.risk, total: sum(({ progress }) => progress.total) };
}

export function overviews({ own }: Stores): void {
  it('are empty at first', async () => {
    const { store } = await own();
    expect(await overview(store)).toMatchObject({
      files: { total: 0, pending: 0, processing: 0, completed: 0, failed: 0, purged: 0 },
      progress: { total: 0, processed: 0, skipped: 0, percentage: 0 },
      lastUpdated: null,
    });
    expect(await overview(store, of('jane', 'f'))).toEqual(await overview(store));
  });

  it('add up the kept stats of every file that a viewer may see', async () => {
    const { store, f1, f2, b1, b2, c1 } = await own();
    const f3 = `${f1} too`;
    await register(store, { fileId: f1, userId: 'jane', batches: [b1] });
    await register(store, { fileId: f2, userId: 'joe', batches: [b2] });
    await register(store, { fileId: f3, batches: [c1] });
    await save(store, { batchId: b1, emails: addresses(20), isComplete: true });
    await save(store, { batchId: b2, emails: addresses(7) });
    const [first, second, third] = [
      await announce(store, f1),
      await announce(store, f2),
      await announce(store, f3),
    ];

    const all = await overview(store);
    expect(all.files).toMatchObject({ total: 3, completed: 1, processing: 1, pending: 1 });
    const { total, ...sums } = added([first, second, third]);
    expect(all).toMatchObject(sums);
    expect(all.progress).toMatchObject({ total, processed: 27 });
    const times = [first, second, third].map(({ lastUpdated }) => lastUpdated ?? '');
    expect(all.lastUpdated).toBe(times.sort().at(-1));

    expect((await overview(store, of('jane'))).files).toMatchObject({ total: 1, completed: 1 });
    expect((await overview(store, of('jane', f2, f1, 'none'))).files).toMatchObject({
      total: 2,
      processing: 1,
    });
    expect((await overview(store, of(null, f3))).files).toMatchObject({ total: 1, pending: 1 });
    expect((await overview(store, of('nobody'))).files.total).toBe(0);
  });

  it('follow each change, whatever was counted before', async () => {
    const { store, f1, f2, b1, b2, b3 } = await own();
    await register(store, { fileId: f1, userId: 'jane', batches: [b1] });
    await register(store, { fileId: f2, userId: 'jane', batches: [b2] });
    for (let count = 1; count <= 5; count++) {
      await save(store, { batchId: b1, emails: addresses(count) });
      const stats = [await announce(store, f1), await announce(store, f2)];
      expect(await overview(store)).toMatchObject({
        progress: { processed: count },
        stats: added(stats).stats,
      });
    }
    await save(store, { batchId: b1, emails: addresses(6), isComplete: true });
    await announce(store, f1);
    expect((await overview(store, of('jane'))).files).toMatchObject({ total: 2, completed: 1, pending: 1 });

    // Another owner, by a later request.
    await register(store, { fileId: f1, userId: 'joe', requestId: 'r2', batches: [b3] });
    await announce(store, f1);
    expect((await overview(store, of('jane'))).files.total).toBe(1);
    expect((await overview(store, of('joe'))).files).toMatchObject({ total: 1, pending: 1 });
    expect((await overview(store)).progress.processed).toBe(0);

    await store.files.remove(f2);
    expect((await overview(store, of('jane'))).files.total).toBe(0);
    await store.files.remove(f1);
    expect((await overview(store)).files.total).toBe(0);
    expect((await overview(store)).progress.total).toBe(0);
  });

  it('count a file that was deleted and registered again once', async () => {
    const { store, f1, b1, b2 } = await own();
    for (const batchId of [b1, b2]) {
      await register(store, { fileId: f1, userId: 'jane', requestId: batchId, batches: [batchId] });
      await save(store, { batchId, emails: addresses(3), isComplete: true });
      await announce(store, f1);
      expect(await overview(store, of('jane'))).toMatchObject({
        files: { total: 1 },
        progress: { processed: 3 },
      });
      await store.files.remove(f1);
    }
    expect((await overview(store)).files.total).toBe(0);
  });

  it('keep the counts of a purged file', async () => {
    const { store, f1, b1 } = await own();
    await register(store, { fileId: f1, userId: 'jane', batches: [b1] });
    await save(store, { batchId: b1, emails: addresses(3), isComplete: true });
    await announce(store, f1);
    await store.files.purge(Date.now() + 60_000);
    await announce(store, f1);
    expect(await overview(store, of('jane'))).toMatchObject({
      files: { total: 1, purged: 1, completed: 0 },
      progress: { total: 10, processed: 3, skipped: 7, percentage: 100 },
    });
  });

  it('are exact after many changes at once', async () => {
    const { store, f1 } = await own();
    const count = effort(10, 20);
    const files = Array.from({ length: count }, (_, number) => `${f1} ${number}`);
    const last = await Promise.all(
      files.map(async (fileId, number) => {
        const batchId = `b ${fileId}`;
        await register(store, { fileId, userId: number % 2 ? 'jane' : 'joe', batches: [batchId] });
        let stats: Stats | null = null;
        for (let count = 1; count <= 4; count++) {
          await save(store, { batchId, emails: addresses(count * 3), isComplete: count === 4 });
          stats = await announce(store, fileId);
          await overview(store);
        }
        if (number % 5 !== 0) return stats as Stats;
        await store.files.remove(fileId);
        return null;
      }),
    );
    const kept = last.filter((stats) => stats !== null);
    const all = await overview(store);
    expect(all.files).toMatchObject({ total: 0.8 * count, completed: 0.8 * count });
    const { total, ...sums } = added(kept);
    expect(all).toMatchObject({ ...sums, progress: { total } });
    const parts = [await overview(store, of('jane')), await overview(store, of('joe'))];
    expect(parts.map(({ files }) => files.total)).toEqual([0.4 * count, 0.4 * count]);
  });
}
