import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type FileFacts, statsOf } from '../../src/domain/stats.js';
import { add, EMPTY_SUMMARY, type Summary, summarize } from '../../src/domain/summary.js';
import { RISK_LEVELS, STATUSES } from '../../src/domain/verdict.js';
import { addresses, entry, update } from '../support/updates.js';

const FACTS: FileFacts = {
  fileId: 'f1',
  requestId: 'r1',
  generation: '1',
  userId: null,
  totalEmails: null,
  totalBatches: null,
  createdAt: '2025-11-24T10:00:00.000Z',
  lastUpdated: '2025-11-24T10:00:20.000Z',
};

interface Batch {
  readonly results?: number;
  readonly total?: number | null;
  readonly state?: 'waiting' | 'running' | 'completed' | 'failed' | 'stalled';
}

function summaryOf({ results = 0, total = 10, state = 'running' }: Batch): Summary {
  const flags = {
    begun: state !== 'waiting',
    isComplete: state === 'completed',
    isFailed: state === 'failed',
    isStalled: state === 'stalled',
    totalEmails: total,
  };
  return summarize(flags, update({ batchId: 'b', emails: addresses(results) }).results);
}

function stats(batches: readonly Batch[], facts: Partial<FileFacts> = {}, recentRate = 0) {
  const totals = batches.map(summaryOf).reduce((sum, one) => add(sum, one), EMPTY_SUMMARY);
  const cursor = { epoch: 'e1', revision: 4 };
  return statsOf({ fileId: 'f1', facts: { ...FACTS, ...facts }, totals, cursor, recentRate });
}

describe('the status of a file', () => {
  it.each<[string, Batch[], Partial<FileFacts>]>([
    ['pending', [], {}],
    ['pending', [{ state: 'waiting' }, { state: 'waiting' }], {}],
    ['pending', [], { totalEmails: 10, totalBatches: 2 }],
    ['processing', [{ state: 'waiting' }, { state: 'running' }], {}],
    ['processing', [{ state: 'completed' }, { state: 'waiting' }], {}],
    ['processing', [{ state: 'stalled' }], {}],
    ['processing', [{ state: 'failed' }, { state: 'waiting' }], {}],
    ['processing', [{ state: 'completed', results: 10 }], { totalBatches: 2 }],
    ['completed', [{ state: 'completed', results: 10 }], {}],
    ['completed', [{ state: 'completed' }, { state: 'completed' }], { totalBatches: 2 }],
    ['completed', [{ state: 'completed' }, { state: 'completed' }], { totalBatches: 1 }],
    ['failed', [{ state: 'failed' }], {}],
    ['failed', [{ state: 'completed' }, { state: 'failed' }], { totalBatches: 2 }],
  ])('is %s for %j of %j', (status, batches, facts) => {
    expect(stats(batches, facts).status).toBe(status);
  });

  it('is pending for a file that is not registered', () => {
    const cursor = { epoch: 'e1', revision: 0 };
    expect(statsOf({ fileId: 'f1', facts: null, totals: EMPTY_SUMMARY, cursor, recentRate: 0 })).toEqual({
      fileId: 'f1',
      epoch: 'e1',
      revision: 0,
      status: 'pending',
      progress: { total: 0, processed: 0, skipped: 0, percentage: 0 },
      batches: { total: 0, completed: 0, failed: 0, stalled: 0 },
      stats: {
        deliverable: { count: 0 },
        undeliverable: {
          count: 0,
          categories: {
            invalid_email: 0,
            invalid_domain: 0,
            rejected_email: 0,
            invalid_smtp: 0,
            disposable_email: 0,
            blacklisted: 0,
            other: 0,
          },
        },
        risky: { count: 0, categories: { low_quality: 0, low_deliverability: 0, other: 0 } },
        unknown: {
          count: 0,
          categories: { no_connect: 0, timeout: 0, unavailable_smtp: 0, unexpected_error: 0, other: 0 },
        },
      },
      risk: { none: 0, low: 0, medium: 0, high: 0 },
      submission: null,
      throughput: { emailsPerSecond: 0, etaSeconds: null },
      createdAt: null,
      lastUpdated: null,
      completedAt: null,
    });
  });
});

describe('progress', () => {
  it('rounds down', () => {
    expect(stats([{ results: 2, total: 3 }]).progress).toEqual({
      total: 3,
      processed: 2,
      skipped: 0,
      percentage: 66,
    });
    expect(stats([{ results: 199, total: 200 }]).progress.percentage).toBe(99);
  });

  it('is 100 only when the file is done', () => {
    expect(stats([{ results: 10, total: 10 }]).progress.percentage).toBe(99);
    const oneWaits: Batch[] = [
      { results: 10, state: 'completed' },
      { total: 0, state: 'waiting' },
    ];
    expect(stats(oneWaits).progress.percentage).toBe(99);
    expect(stats([{ results: 10, state: 'completed' }]).progress.percentage).toBe(100);
    expect(stats([{ total: 0, state: 'completed' }]).progress.percentage).toBe(100);
  });

  it('counts what a complete batch skipped, and is done with it', () => {
    const { status, progress } = stats([{ results: 7, total: 10, state: 'completed' }, { total: 10 }]);
    expect({ status, progress }).toEqual({
      status: 'processing',
      progress: { total: 20, processed: 7, skipped: 3, percentage: 50 },
    });
    expect(stats([{ results: 7, total: 10, state: 'completed' }]).progress).toEqual({
      total: 10,
      processed: 7,
      skipped: 3,
      percentage: 100,
    });
  });

  it('counts addresses that were submitted and are in no batch as skipped, once all batches are done', () => {
    const batches: Batch[] = [{ results: 7, total: 10, state: 'completed' }];
    expect(stats(batches, { totalEmails: 50 }).progress).toEqual({
      total: 50,
      processed: 7,
      skipped: 43,
      percentage: 100,
    });
    expect(stats(batches, { totalEmails: 50, totalBatches: 2 }).progress).toEqual({
      total: 50,
      processed: 7,
      skipped: 3,
      percentage: 20,
    });
  });

  it('takes the larger of what was submitted and what the batches say', () => {
    expect(stats([{ total: 30 }], { totalEmails: 10 }).progress.total).toBe(30);
    expect(stats([{ results: 40, total: 30 }]).progress.total).toBe(40);
    expect(stats([{ results: 4, total: null }, { total: 10 }]).progress.total).toBe(14);
  });

  it('says of a failed file how far it got', () => {
    const batches: Batch[] = [
      { results: 5, state: 'failed' },
      { results: 10, state: 'completed' },
    ];
    expect(stats(batches)).toMatchObject({ status: 'failed', progress: { skipped: 0, percentage: 75 } });
  });
});

describe('counts', () => {
  const verdict = fc.record({
    status: fc.constantFrom(...STATUSES, 'odd'),
    risk: fc.constantFrom(...RISK_LEVELS, null, 'odd'),
    subStatus: fc.constantFrom(
      'Invalid Email',
      'Low Quality',
      'Timeout',
      'Blacklisted',
      'Unavailable SMTP',
      'odd',
      null,
    ),
  });

  it('of categories add up to their parent, and the four to all that is processed', () => {
    fc.assert(
      fc.property(fc.array(fc.array(verdict, { maxLength: 20 }), { maxLength: 5 }), (lists) => {
        const flags = {
          begun: true,
          isComplete: true,
          isFailed: false,
          isStalled: false,
          totalEmails: 30,
        };
        const totals = lists
          .map((list) => update({ batchId: 'b', emails: list.map((said) => entry('a', said)) }))
          .reduce((sum, { results }) => add(sum, summarize(flags, results)), EMPTY_SUMMARY);
        const cursor = { epoch: 'e1', revision: 1 };
        const said = statsOf({ fileId: 'f1', facts: FACTS, totals, cursor, recentRate: 0 });
        const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0);
        const { deliverable, ...others } = said.stats;
        expect(deliverable.categories).toBeUndefined();
        for (const { count, categories } of Object.values(others)) {
          expect(sum(Object.values(categories ?? {}))).toBe(count);
        }
        const counts = Object.values(said.stats).map(({ count }) => count);
        expect(sum(counts)).toBe(said.progress.processed);
        const all = lists.flat();
        for (const risk of RISK_LEVELS) {
          expect(said.risk[risk]).toBe(all.filter((one) => one.risk === risk).length);
        }
        const { percentage, processed, skipped, total } = said.progress;
        expect(percentage).toBeGreaterThanOrEqual(0);
        expect(percentage).toBeLessThanOrEqual(100);
        expect(processed + skipped).toBeLessThanOrEqual(total);
      }),
    );
  });
});

describe('throughput and times', () => {
  it('looks at what is of late while the file runs', () => {
    const running = stats([{ results: 4, total: 10 }], {}, 2.04);
    expect(running.throughput).toEqual({ emailsPerSecond: 2, etaSeconds: 3 });
    expect(running.completedAt).toBeNull();
    expect(stats([{ results: 4, total: 10 }], {}, 0).throughput).toEqual({
      emailsPerSecond: 0,
      etaSeconds: null,
    });
  });

  it('is not known while every batch that has not ended is silent', () => {
    const NOTHING = { emailsPerSecond: null, etaSeconds: null };
    expect(stats([{ results: 4, state: 'stalled' }], {}, 2).throughput).toEqual(NOTHING);
    expect(stats([{ results: 10, state: 'completed' }, { state: 'stalled' }], {}, 2).throughput).toEqual(
      NOTHING,
    );
    expect(stats([{ state: 'failed' }, { state: 'stalled' }], {}, 2).throughput).toEqual(NOTHING);
    expect(stats([{ state: 'running' }, { state: 'stalled' }], {}, 2).throughput.emailsPerSecond).toBe(2);
    expect(stats([{ state: 'waiting' }, { state: 'stalled' }], {}, 2).throughput.emailsPerSecond).toBe(2);
  });

  it('looks at the whole generation of the file when it is over', () => {
    const done = stats([{ results: 10, state: 'completed' }], {}, 99);
    expect(done.throughput).toEqual({ emailsPerSecond: 0.5, etaSeconds: null });
    expect(done.completedAt).toBe(FACTS.lastUpdated);
    expect(stats([{ state: 'failed' }]).completedAt).toBe(FACTS.lastUpdated);
  });
});
