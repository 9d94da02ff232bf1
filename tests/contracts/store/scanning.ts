import { expect, it } from '@jest/globals';
import { charsOf, type PlacedResult } from '../../../src/domain/result.js';
import { STATUSES } from '../../../src/domain/verdict.js';
import { SLICE_BYTES } from '../../../src/store/bounded-results.js';
import { effort } from '../../support/effort.js';
import { addresses, type Entry, entry } from '../../support/updates.js';
import { fill, pageOf, register, type Stores, save, scanned } from './harness.js';

/** A file with batches of every awkward size: empty, a handful, more than any slice. */
const lists = (fileId: string): Map<string, Entry[]> =>
  new Map(
    [0, 3, 1_700, 0, 0, 1, 500, 499, 501, 1_000, 0].map((count, batch) => [
      `${batch} of ${fileId}`,
      addresses(count, `${batch}-`).map((address, i) =>
        entry(address, { status: STATUSES[i % 7] ?? 'deliverable' }),
      ),
    ]),
  );

export function scanning({ shared }: Stores): void {
  it('reads what the pages hold, once, in order and a slice at a time', async () => {
    const { store, f1 } = shared();
    await fill(store, f1, lists(f1));
    for (const status of [undefined, ...STATUSES.slice(0, effort(2, STATUSES.length)).map((one) => [one])]) {
      const results = await scanned(store, f1, { status });
      const pages: PlacedResult[] = [];
      for (let page = 1; ; page++) {
        const { total, results: some } = await pageOf(store, { fileId: f1, page, limit: 500, status });
        expect(total).toBe(results.length);
        pages.push(...some);
        if (some.length === 0) break;
      }
      expect(results).toEqual(pages);
    }
    for await (const slice of store.results.scan(f1, {})) expect(slice.length).toBeLessThan(2_000);
  });

  it('reads slices of bounded bytes, however large the results are', async () => {
    const { store, f1 } = shared();
    const reason = 'x'.repeat(SLICE_BYTES / 8);
    const large = Array.from({ length: 12 }, (_, n): [string, Entry[]] => [
      `${n} of ${f1}`,
      [1, 2].map((i) => entry(`${n}-${i}@example.com`, { reason })),
    ]);
    await fill(store, f1, new Map(large));
    for (const filter of [{}, { status: ['deliverable'] }] as const) {
      let count = 0;
      for await (const slice of store.results.scan(f1, filter)) {
        // What has begun to be read is read to the end of its batch.
        expect(charsOf(slice)).toBeLessThan(SLICE_BYTES * 1.5);
        count += slice.length;
      }
      expect(count).toBe(24);
    }
  });

  it('reads nothing of an unknown file', async () => {
    const { store, f1, b1 } = shared();
    expect(await scanned(store, 'unknown')).toEqual([]);
    await register(store, { fileId: f1, batches: [b1] });
    expect(await scanned(store, f1)).toEqual([]);
  });

  it('fails instead of looking complete when the file is deleted or replaced meanwhile', async () => {
    const { store, f1 } = shared();
    const ends = [
      (fileId: string) => store.files.remove(fileId),
      (fileId: string) => register(store, { fileId, requestId: 'r2', batches: [`new of ${fileId}`] }),
    ];
    for (const [index, end] of ends.entries()) {
      const fileId = `${index} of ${f1}`;
      await fill(store, fileId, new Map([[`b of ${fileId}`, addresses(3_000)]]));
      const scan = store.results.scan(fileId, {})[Symbol.asyncIterator]();
      expect((await scan.next()).done).toBe(false);
      await end(fileId);
      const rest = async () => {
        while (!(await scan.next()).done);
      };
      await expect(rest()).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' });
    }
  });

  it('never looks complete, wherever in it the deletion falls', async () => {
    const { store, f1 } = shared();
    for (let round = 0; round < effort(1, 8); round++) {
      const fileId = `${round} of ${f1}`;
      const batches = Array.from({ length: 1_000 }, (_, i) => `${i} of ${fileId}`);
      await register(store, { fileId, batches });
      // Enough pass the filter to begin with, and one more at the very end: all batches are read before it.
      const risky = (count: number) => addresses(count).map((address) => entry(address, { status: 'risky' }));
      await save(store, { batchId: batches[0] ?? '', emails: risky(1_500), isComplete: true });
      await save(store, { batchId: batches.at(-1) ?? '', emails: risky(1), isComplete: true });
      const scan = store.results.scan(fileId, { status: ['risky'] })[Symbol.asyncIterator]();
      let read = (await scan.next()).value?.length ?? 0;
      const rest = (async () => {
        for (let slice = await scan.next(); !slice.done; slice = await scan.next())
          read += slice.value.length;
      })();
      const removal = store.files.remove(fileId);
      try {
        await rest;
        expect(read).toBe(1_501);
      } catch (error) {
        expect(error).toMatchObject({ name: 'Fault', code: 'unavailable' });
      }
      await removal;
    }
  });

  it('releases a scan that the caller does not read to its end', async () => {
    const { store, f1, b1 } = shared();
    await fill(store, f1, new Map([[b1, addresses(3_000)]]));
    for (let i = 0; i < effort(5, 20); i++) {
      for await (const slice of store.results.scan(f1, {})) {
        expect(slice.length).toBeGreaterThan(0);
        break;
      }
    }
    expect(await store.files.remove(f1)).toBe(true);
  });
}
