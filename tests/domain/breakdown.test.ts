import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Counted, largest, NOTHING, type Ranking, rankingOf } from '../../src/domain/breakdown.js';
import { ATTRIBUTES, SCORE_STEPS } from '../../src/domain/facets.js';
import { type Result, readResult } from '../../src/domain/result.js';
import { summarize } from '../../src/domain/summary.js';
import { ValueTally } from '../../src/domain/value-tally.js';
import { CATEGORIES, RISK_LEVELS, STATUSES, type Status } from '../../src/domain/verdict.js';

const FLAGS = { begun: true, isComplete: true, isFailed: false, isStalled: false, totalEmails: null };

interface Given {
  readonly status: Status;
  readonly score: number | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly subStatus: string | null;
}

const given = fc.record({
  status: fc.constantFrom(...STATUSES),
  score: fc.oneof(
    fc.integer({ min: -5, max: 105 }),
    fc.float({ min: 0, max: 100, noNaN: true }),
    fc.constant(null),
  ),
  attributes: fc.dictionary(
    fc.constantFrom(...ATTRIBUTES, 'unheard_of'),
    fc.constantFrom(true, false, 'true', 1),
  ),
  subStatus: fc.constantFrom('Invalid Domain', 'Timeout', 'Low Quality', 'Odd', null),
});

function resultOf({ status, score, attributes, subStatus }: Given): Result {
  const details = { attributes, sub_status: subStatus };
  const result = readResult({ email: 'a@x', status, risk_level: null, deliverability_score: score, details });
  if (typeof result === 'string') throw new Error(result);
  return result;
}

/** Counted one by one, as a person would. */
function counted(all: readonly Given[], passes: (one: Given) => boolean): Counted {
  const some = all.filter(passes);
  const of = (status: Status) => some.filter((one) => one.status === status).length;
  const [deliverable, undeliverable, risky, unknown] = STATUSES.map(of) as [number, number, number, number];
  return { count: some.length, deliverable, undeliverable, risky, unknown };
}

const itemOf = ({ items }: Ranking, value: string) => {
  const { value: _, ...counts } = items.find((item) => item.value === value) ?? { value, ...NOTHING };
  return counts;
};

describe('the sums of scores, attributes and reasons', () => {
  it('are those of a count one by one', () => {
    fc.assert(
      fc.property(fc.array(given, { maxLength: 60 }), (all) => {
        const totals = summarize(FLAGS, all.map(resultOf));
        const scores = rankingOf(totals, 'score');
        expect(scores.items.map(({ value }) => value).sort()).toEqual([...SCORE_STEPS]);
        const within = ({ score }: Given, from: number, to: number) =>
          score !== null && score >= from && score < to;
        SCORE_STEPS.forEach((value, step) => {
          const to = step === 9 ? 100.01 : 10 * (step + 1);
          expect([value, itemOf(scores, value)]).toEqual([
            value,
            counted(all, (one) => within(one, 10 * step, to)),
          ]);
        });
        expect(scores.none).toEqual(counted(all, (one) => !within(one, 0, 100.01)));

        const attributes = rankingOf(totals, 'attribute');
        for (const name of ATTRIBUTES)
          expect(itemOf(attributes, name)).toEqual(counted(all, (one) => one.attributes[name] === true));
        expect(attributes.none).toEqual(
          counted(all, (one) => !ATTRIBUTES.some((name) => one.attributes[name] === true)),
        );

        const reasons = rankingOf(totals, 'reason');
        const isTimeout = ({ status, subStatus }: Given) => status === 'unknown' && subStatus === 'Timeout';
        expect(itemOf(reasons, 'timeout')).toEqual(counted(all, isTimeout));
        const isOther = ({ status, subStatus }: Given) =>
          status !== 'deliverable' && CATEGORIES[status][subStatus ?? ''] === undefined;
        expect(itemOf(reasons, 'other')).toEqual(counted(all, isOther));
        expect(reasons.none).toEqual(counted(all, ({ status }) => status === 'deliverable'));
        for (const { items } of [scores, attributes, reasons])
          expect(items.map(({ count }) => count)).toEqual(
            items.map(({ count }) => count).sort((a, b) => b - a),
          );
      }),
    );
  });

  it('make a summary larger by no more than a kilobyte, whatever is in the batch', () => {
    const everything = STATUSES.flatMap((status) =>
      RISK_LEVELS.flatMap((_, i) =>
        Array.from(
          { length: 1_000 },
          (__, n): Given => ({
            status,
            score: (n * 7 + i) % 101,
            attributes: Object.fromEntries(ATTRIBUTES.map((name, at) => [name, (n >> at) % 2 === 1])),
            subStatus: null,
          }),
        ),
      ),
    );
    const bytes = (all: readonly Given[]) =>
      JSON.stringify(summarize(FLAGS, all.map(resultOf)).facets).length;
    expect(bytes(everything)).toBeLessThan(1_024);
    expect(bytes(everything.slice(0, 1))).toBeLessThan(32);
  });
});

describe('a ranking', () => {
  it('adds what is beyond its limit to the others', () => {
    const one = (value: string, count: number) => ({ value, ...NOTHING, count, risky: count });
    const ranking = { items: [one('b', 2), one('c', 3), one('a', 2)], other: one('', 1), none: NOTHING };
    const { value: _, ...rest } = one('', 5);
    const top = largest({ ...ranking, other: { ...NOTHING, count: 1, risky: 1 } }, 1);
    expect(top).toEqual({ items: [one('c', 3)], other: rest, none: NOTHING });
    expect(largest(ranking, 9).items.map(({ value }) => value)).toEqual(['c', 'a', 'b']);
  });
});

describe('a tally of values', () => {
  /** Both scans, as a file is counted. */
  function ranked(values: readonly (string | null)[], maxValues: number): Ranking {
    const addAll = (tally: ValueTally) => {
      values.forEach((value, index) => {
        tally.add(value, STATUSES[index % STATUSES.length] ?? 'unknown');
      });
      return tally;
    };
    const first = addAll(new ValueTally(20, null, maxValues));
    const { survivors } = first;
    return (survivors === null ? first : addAll(survivors)).ranking();
  }

  it('is exact for what is frequent, and bounded, however many values there are', () => {
    const rare = Array.from({ length: 5_000 }, (_, n) => `rare${n}`);
    // The frequent ones come scattered, late, and once before everything else.
    const values = ['late', ...rare].flatMap((value, n) => [
      value,
      n % 5 === 0 ? 'often' : null,
      n > 4_000 ? 'late' : value,
    ]);
    const { items, other, none } = ranked(values, 50);
    expect(items.slice(0, 2).map(({ value, count }) => [value, count])).toEqual([
      ['late', 1_002],
      ['often', 1_001],
    ]);
    expect(items.length).toBeLessThanOrEqual(101);
    expect(
      items.slice(2).every(({ value, count }) => count === values.filter((v) => v === value).length),
    ).toBe(true);
    expect(none.count).toBe(4_000);
    expect(items.reduce((sum, { count }) => sum + count, other.count + none.count)).toBe(values.length);
    for (const { count, deliverable, undeliverable, risky, unknown } of [...items, other, none])
      expect(deliverable + undeliverable + risky + unknown).toBe(count);
  });

  it('ranks as sorting all of them does, in whatever order they came', () => {
    const value = fc.integer({ min: 0, max: 900 }).map((n) => `v${n}`);
    fc.assert(
      fc.property(fc.array(value, { minLength: 600, maxLength: 2_000 }), (values) => {
        const counts = new Map<string, number>();
        for (const one of values) counts.set(one, (counts.get(one) ?? 0) + 1);
        const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, 500);
        expect(ranked(values, 1_000).items.map((item) => [item.value, item.count])).toEqual(sorted);
      }),
      { numRuns: 20 },
    );
  });

  it('keeps 500 values, and none that is too long', () => {
    const values = [...Array.from({ length: 600 }, (_, n) => `v${n}`), 'x'.repeat(21), '', null];
    const { items, other, none } = ranked(values, 1_000);
    expect([items.length, other.count, none.count]).toEqual([500, 101, 2]);
    expect(items.some(({ value }) => value.length > 20)).toBe(false);
  });
});
