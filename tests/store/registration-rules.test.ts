import { describe, expect, it } from '@jest/globals';
import { type CurrentRequest, foreignBatches, planRegistration } from '../../src/store/registration-rules.js';
import type { Registration } from '../../src/store/store.js';

const sized = (batchId: string, totalEmails: number | null = null) => ({ batchId, totalEmails });

const registration = (said: Partial<Registration> = {}): Registration => ({
  fileId: 'f1',
  requestId: 'r1',
  userId: null,
  totalEmails: null,
  totalBatches: null,
  batches: [],
  ...said,
});

const current = (said: Partial<CurrentRequest> = {}): CurrentRequest => ({
  requestId: 'r1',
  userId: 'u1',
  totalEmails: 9,
  totalBatches: null,
  isPurged: false,
  ...said,
});

/** Of the current generation: b1 without a size, and b2. */
const sizes = new Map<string, number | null>([
  ['b1', null],
  ['b2', 5],
]);

const plan = (said: Partial<Registration>, file: CurrentRequest | null = current(), isOver = false) =>
  planRegistration(registration(said), file, isOver, (batchId) => sizes.get(batchId));

describe('a registration', () => {
  it.each([
    ['of no file creates it', plan({ batches: [sized('b9')] }, null), 'created'],
    ['that repeats what is known changes nothing', plan({ batches: [sized('b2', 5)] }), 'unchanged'],
    ['without a request is about the current one', plan({ requestId: null }), 'unchanged'],
    ['with another owner changes nothing', plan({ userId: 'u2' }), 'unchanged'],
    ['with a new total extends', plan({ totalBatches: 3 }), 'extended'],
    ['with a new batch extends', plan({ batches: [sized('b3')] }), 'extended'],
    ['with a new size extends', plan({ batches: [sized('b1', 2)] }), 'extended'],
    ['of another request replaces', plan({ requestId: 'r2', batches: [sized('b1')] }), 'replaced'],
    ['of a request that is over is superseded', plan({ requestId: 'r0' }, current(), true), 'superseded'],
    ['of a purged request is superseded', plan({}, current({ isPurged: true })), 'superseded'],
    [
      'of another request than the purged replaces',
      plan({ requestId: 'r2' }, current({ isPurged: true })),
      'replaced',
    ],
    [
      'names an unnamed request by its batch',
      plan({ batches: [sized('b1')] }, current({ requestId: null })),
      'named',
    ],
    [
      'replaces an unnamed request that has none of its batches',
      plan({}, current({ requestId: null })),
      'replaced',
    ],
  ])('%s', (_, { outcome }, wanted) => expect(outcome).toBe(wanted));

  it('takes each batch once, with the first size that is given', () => {
    const batches = [
      sized('b3'),
      sized('b1'),
      sized('b3', 4),
      sized('b1', 7),
      sized('b3', 8),
      sized('b2', 6),
    ];
    expect(plan({ batches })).toEqual({
      outcome: 'extended',
      request: null,
      missing: [sized('b3', 4)],
      sized: [sized('b1', 7)],
    });
  });

  it('keeps the first owner, also when another request replaces the file’s', () => {
    expect(plan({ requestId: 'r2', userId: null })).toMatchObject({ request: { userId: 'u1' } });
    expect(plan({ userId: 'u2', totalEmails: 8 })).toMatchObject({
      request: { userId: 'u1', totalEmails: 8 },
    });
  });

  it('names the first ten batches of other files', () => {
    const batches = Array.from({ length: 30 }, (_, i) => sized(`b${i}`));
    const { errors } = foreignBatches(batches, new Set(batches.slice(5).map(({ batchId }) => batchId)));
    expect(errors).toHaveLength(10);
    expect(errors[0]).toEqual({ field: 'batches[5].batchId', message: 'is registered for another file' });
  });
});
