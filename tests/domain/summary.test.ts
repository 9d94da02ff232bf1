import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Result } from '../../src/domain/result.js';
import {
  add,
  EMPTY_SUMMARY,
  type Summary,
  subtract,
  summarize,
  withFlags,
} from '../../src/domain/summary.js';
import { CELL_COUNT } from '../../src/domain/verdict.js';

const flags = fc.record({
  begun: fc.boolean(),
  isComplete: fc.boolean(),
  isFailed: fc.boolean(),
  isStalled: fc.boolean(),
  totalEmails: fc.option(fc.nat({ max: 30 })),
});
const result = fc.record({
  email: fc.constant('a'),
  cell: fc.nat({ max: CELL_COUNT - 1 }),
  facetBits: fc
    .integer({ min: 0, max: 127 })
    .chain((attributes) => fc.nat({ max: 10 }).map((step) => attributes * 16 + step)),
  json: fc.constant('{}'),
});
const batch = fc.tuple(flags, fc.array(result, { maxLength: 20 }));
const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

describe('a summary', () => {
  it('counts every result once, by its cell', () => {
    fc.assert(
      fc.property(batch, ([flags, results]) => {
        const { processed, cells } = summarize(flags, results);
        expect([processed, total(cells)]).toEqual(Array(2).fill(results.length));
        cells.forEach((count, index) => {
          expect(count).toBe(results.filter(({ cell }) => cell === index).length);
        });
      }),
    );
  });

  it('skips what a complete batch never had a result for, and nothing else', () => {
    fc.assert(
      fc.property(batch, ([flags, results]) => {
        const { total, processed, skipped, batches, unsized } = summarize(flags, results);
        expect(batches).toBe(1);
        expect(unsized).toBe(flags.totalEmails === null ? 1 : 0);
        expect(total).toBe(Math.max(flags.totalEmails ?? 0, results.length));
        expect(skipped).toBe(flags.isComplete ? total - processed : 0);
      }),
    );
  });

  it('stands anew without its results', () => {
    fc.assert(
      fc.property(batch, flags, ([before, results], after) => {
        expect(withFlags(summarize(before, results), after)).toEqual(summarize(after, results));
      }),
    );
  });
});

describe('adding up summaries', () => {
  const summary = batch.map(([flags, results]) => summarize(flags, results));
  const sum = (summaries: readonly Summary[]) => summaries.reduce((all, one) => add(all, one), EMPTY_SUMMARY);

  it('does not depend on the order, and is undone by taking away', () => {
    fc.assert(
      fc.property(fc.array(summary, { maxLength: 6 }), summary, (summaries, one) => {
        const all = sum(summaries);
        expect(sum([...summaries].reverse())).toEqual(all);
        expect(subtract(add(all, one), one)).toEqual(all);
        expect(subtract(all, all)).toEqual(EMPTY_SUMMARY);
        expect(add(EMPTY_SUMMARY, one)).toEqual(one);
      }),
    );
  });

  it('of batches is the same as counting all their results together', () => {
    const open = { begun: true, isComplete: false, isFailed: false, isStalled: false, totalEmails: null };
    fc.assert(
      fc.property(fc.array(fc.array(result, { maxLength: 10 }), { maxLength: 6 }), (lists) => {
        const apart = sum(lists.map((list: Result[]) => summarize(open, list)));
        const together = summarize(open, lists.flat());
        expect(apart.cells).toEqual(together.cells);
        expect(apart).toMatchObject({ batches: lists.length, processed: together.processed });
      }),
    );
  });
});
