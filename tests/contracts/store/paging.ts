import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PlacedResult } from '../../../src/domain/result.js';
import { CATEGORIES, REASONS, RISK_LEVELS, STATUSES, type Status } from '../../../src/domain/verdict.js';
import type { PageQuery, Store } from '../../../src/store/store.js';
import { effort } from '../../support/effort.js';
import { addresses, entry } from '../../support/updates.js';
import { expectConsistent, fill, pageOf, register, type Stores, save, scanned } from './harness.js';

const status = fc.constantFrom(...STATUSES);
const risk = fc.constantFrom(...RISK_LEVELS, null);
const subStatus = fc.constantFrom('Invalid Domain', 'Timeout', 'Low Quality', 'Something New', null);
const email = fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'é', 'É', '@', '.', '😀'), maxLength: 4 });
const result = fc
  .record({ email, status, risk, subStatus })
  .map(({ email, ...verdict }) => entry(email, verdict));
const lists = fc.array(fc.array(result, { maxLength: 12 }), { minLength: 1, maxLength: 24 });

const filters = fc.record({
  status: fc.option(fc.array(status, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  risk: fc.option(fc.array(fc.constantFrom(...RISK_LEVELS), { minLength: 1, maxLength: 3 }), {
    nil: undefined,
  }),
  reason: fc.option(fc.array(fc.constantFrom(...REASONS), { minLength: 1, maxLength: 6 }), {
    nil: undefined,
  }),
  email: fc.option(fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'É', '@', '😀'), maxLength: 2 }), {
    nil: undefined,
  }),
});

/** The pages that a plain filter over all results gives. */
async function pagesByHand(store: Store, { fileId, limit, ...filter }: Omit<PageQuery, 'page'>) {
  const { status, risk, reason } = filter;
  const start = (filter.email ?? '').toLowerCase();
  const all = (await scanned(store, fileId)).filter(({ json }) => {
    const { email, details, ...verdict } = JSON.parse(json);
    const categories = CATEGORIES[verdict.status as Status];
    const category =
      verdict.status === 'deliverable' ? 'none' : (categories[String(details.sub_status)] ?? 'other');
    const address = email.toLowerCase() as string;
    const domain = address.includes('@') ? address.split('@').at(-1) : undefined;
    return (
      (status === undefined || status.includes(verdict.status)) &&
      (risk === undefined || risk.includes(verdict.risk_level)) &&
      (reason === undefined || reason.includes(category)) &&
      (start.startsWith('@')
        ? (domain?.startsWith(start.slice(1)) ?? false)
        : address.startsWith(start) || (domain?.startsWith(start) ?? false))
    );
  });
  expect(await scanned(store, fileId, filter)).toEqual(all);
  return (page: number) => ({
    total: all.length,
    results: all.slice((page - 1) * limit, page * limit),
    isCut: false,
  });
}

let files = 0;

export function paging({ shared }: Stores): void {
  it('has every page of every filter as slicing the whole list would', async () => {
    const { store } = shared();
    await fc.assert(
      fc.asyncProperty(lists, filters, fc.integer({ min: 1, max: 9 }), async (lists, filter, limit) => {
        const fileId = `paged-${++files}`;
        await fill(store, fileId, new Map(lists.map((list, i) => [`${i} of ${fileId}`, list])));
        const query = { fileId, limit, ...filter };
        const byHand = await pagesByHand(store, query);
        for (let page = 1; ; page++) {
          const found = await pageOf(store, { ...query, page });
          expect(found).toEqual(byHand(page));
          if (found.results.length === 0) break;
        }
      }),
      { numRuns: effort(8, 100) },
    );
  });

  it('keeps the order of registration, whatever the order of the results', async () => {
    const { store, f1 } = shared();
    const batchIds = Array.from({ length: 40 }, (_, i) => `${(i * 7) % 40} of ${f1}`);
    await register(store, { fileId: f1, batches: batchIds });
    for (const batchId of [...batchIds].reverse()) {
      await save(store, { batchId, emails: [`${batchId}-0`] });
      await save(store, { batchId, emails: [`${batchId}-0`, `${batchId}-1`] });
    }
    const { total, results } = await pageOf(store, { fileId: f1, page: 1, limit: 500 });
    expect(total).toBe(80);
    expect(results.map(({ batchId, position }) => `${batchId}-${position}`)).toEqual(
      batchIds.flatMap((batchId) => [`${batchId}-0`, `${batchId}-1`]),
    );
    await expectConsistent(store, f1);
  });

  it('finds a page among thousands of batches', async () => {
    const { store, f1 } = shared();
    const count = effort(700, 4_200);
    const batchIds = Array.from({ length: count }, (_, i) => `${i} of ${f1}`);
    await register(store, { fileId: f1, batches: batchIds });
    // Most batches have nothing, the others up to four results; the risky ones are far apart.
    const emails = (i: number) =>
      addresses(1 + (i % 4), `${i}-`).map((address) =>
        entry(address, { status: i % 400 === 395 ? 'risky' : 'deliverable' }),
      );
    await Promise.all(
      batchIds.flatMap((batchId, i) => (i % 5 === 0 ? save(store, { batchId, emails: emails(i) }) : [])),
    );
    await expectConsistent(store, f1);
    const all = await scanned(store, f1);
    const filters: Pick<PageQuery, 'status' | 'risk'>[] = [
      {},
      { status: ['risky'] },
      { status: ['deliverable'] },
      { status: ['risky', 'undeliverable', 'unknown'] },
      { risk: ['high'] },
    ];
    for (const filter of filters) {
      const passes = ({ json }: PlacedResult) =>
        filter.risk === undefined && (filter.status?.some((status) => json.includes(`"${status}"`)) ?? true);
      const passing = all.filter(passes);
      for (const page of [1, 2, 9, 20, 21, 22, 1_000_000]) {
        expect(await pageOf(store, { fileId: f1, page, limit: 100, ...filter })).toEqual({
          total: passing.length,
          results: passing.slice((page - 1) * 100, page * 100),
          isCut: false,
        });
      }
    }
  });

  it('finds many matches in one long batch', async () => {
    const { store, f1, b1 } = shared();
    const emails = addresses(10_000).map((address, n) =>
      entry(address, { status: n % 7 === 3 ? 'risky' : 'deliverable' }),
    );
    await fill(store, f1, new Map([[b1, emails]]));
    const query = { fileId: f1, limit: 500, status: ['risky' as const] };
    const positionsOf = async (page: number) =>
      (await pageOf(store, { ...query, page })).results.map(({ position }) => position);
    expect(await positionsOf(1)).toEqual(Array.from({ length: 500 }, (_, n) => n * 7 + 3));
    expect(await positionsOf(3)).toEqual(Array.from({ length: 429 }, (_, n) => (n + 1_000) * 7 + 3));
  });

  it('answers an empty page beyond the end, and for an unknown file', async () => {
    const { store, f1, b1 } = shared();
    await fill(store, f1, new Map([[b1, ['a', 'b']]]));
    for (const page of [2, 3, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      expect(await pageOf(store, { fileId: f1, page, limit: 500 })).toEqual({
        total: 2,
        results: [],
        isCut: false,
      });
      expect(await pageOf(store, { fileId: f1, page, limit: 500, email: 'a' })).toEqual({
        total: 1,
        results: [],
        isCut: false,
      });
    }
    expect(await store.results.page({ fileId: 'unknown', page: 1, limit: 1 })).toBeNull();
  });

  it('has pages that end before they have too many bytes, and says so', async () => {
    const { store, f1, b0, b1 } = shared();
    const long = (name: string) => entry(`${name}@${'x'.repeat(10_000)}`);
    const names = Array.from({ length: 12 }, (_, n) => `${String.fromCharCode(97 + n)}`);
    await fill(
      store,
      f1,
      new Map([
        [b0, names.slice(0, 6).map(long)],
        [b1, names.slice(6).map(long)],
      ]),
    );
    for (const filter of [{}, { status: ['deliverable'] as const }, { email: '@x' }]) {
      const whole = await pageOf(store, { fileId: f1, page: 1, limit: 500, ...filter });
      expect(whole).toMatchObject({ total: 12, isCut: false });
      for (const [maxBytes, length] of [
        [1, 1],
        [45_000, 4],
        [85_000, 8],
        [200_000, 12],
      ] as const)
        expect(await pageOf(store, { fileId: f1, page: 1, limit: 500, maxBytes, ...filter })).toEqual({
          total: 12,
          results: whole.results.slice(0, length),
          isCut: length < 12,
        });
      const second = await pageOf(store, { fileId: f1, page: 2, limit: 5, maxBytes: 25_000, ...filter });
      expect(second).toEqual({ total: 12, results: whole.results.slice(5, 7), isCut: true });
    }
  });

  it('never mixes two states of a batch on one page', async () => {
    const { store, f1, b0, b1 } = shared();
    const few = addresses(5).map((address) => entry(address, { status: 'risky' }));
    const many = addresses(400);
    await fill(store, f1, new Map([[b0, addresses(30)]]));
    await fill(store, f1, new Map([[b1, few]]));
    let writing = true;
    const rewriting = (async () => {
      for (let run = 10; run < effort(30, 60); run++) {
        const emails = run % 2 ? few : many;
        await save(store, { batchId: b1, emails, isComplete: true, processedCount: 1_000 + run });
      }
      writing = false;
    })();
    const sizes = new Set<number>();
    while (writing) {
      const { total, results } = await pageOf(store, { fileId: f1, page: 1, limit: 500 });
      expect(results).toHaveLength(total);
      sizes.add(total);
      const risky = await pageOf(store, { fileId: f1, page: 1, limit: 500, status: ['risky'] });
      expect(risky.results).toHaveLength(risky.total);
      const found = await pageOf(store, { fileId: f1, page: 1, limit: 500, email: 'A' });
      expect(found.results).toHaveLength(found.total);
    }
    await rewriting;
    expect([...sizes].every((size) => size === 35 || size === 430)).toBe(true);
  });
}
