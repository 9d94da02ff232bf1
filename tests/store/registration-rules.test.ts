import { describe, expect, it } from '@jest/globals';
import { type Claimant, VALIDATOR } from '../../src/domain/ownership.js';
import { type CurrentRequest, foreignBatches, planRegistration } from '../../src/store/registration-rules.js';
import type { Registration } from '../../src/store/store.js';
import { OPERATOR } from '../support/operator.js';

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
  fileId: 'f1',
  generation: 'g1',
  producer: 'worker',
  requestId: 'r1',
  userId: 'u1',
  totalEmails: 9,
  totalBatches: null,
  isPurged: false,
  batchCount: 2,
  ...said,
});

/** Of the current generation: b1 without a size, and b2. */
const sizes = new Map<string, number | null>([
  ['b1', null],
  ['b2', 5],
]);

const plan = (
  said: Partial<Registration>,
  file: CurrentRequest | null = current(),
  isOver = false,
  claimant: Claimant = OPERATOR,
) => planRegistration(registration(said), claimant, file, isOver, (batchId) => sizes.get(batchId));

describe('a registration', () => {
  it.each([
    ['of no file creates it', plan({ batches: [sized('b9')] }, null), 'created'],
    ['that repeats what is known changes nothing', plan({ batches: [sized('b2', 5)] }), 'unchanged'],
    ['without a request is about the current one', plan({ requestId: null }), 'unchanged'],
    ['with another owner extends', plan({ userId: 'u2' }), 'extended'],
    ['with a new total extends', plan({ totalBatches: 3 }), 'extended'],
    ['with a new batch extends', plan({ batches: [sized('b3')] }), 'extended'],
    ['with a new size extends', plan({ batches: [sized('b1', 2)] }), 'extended'],
    ['of another request replaces', plan({ requestId: 'r2', batches: [sized('b1')] }), 'replaced'],
    ['of a request that is over is superseded', plan({ requestId: 'r0' }, current(), true), 'superseded'],
    [
      'that goes on with another request is superseded',
      plan({ requestId: 'r0', intent: 'continue' }),
      'superseded',
    ],
    ['that goes on with a file that is gone is superseded', plan({ intent: 'continue' }, null), 'superseded'],
    [
      'that goes on with a request without an id which has its batch names it',
      plan({ requestId: 'r9', batches: [sized('b2', 5)], intent: 'continue' }, current({ requestId: null })),
      'named',
    ],
    [
      'that goes on with a request without an id which has none of its batches is superseded',
      plan({ requestId: 'r9', batches: [sized('b9')], intent: 'continue' }, current({ requestId: null })),
      'superseded',
    ],
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

  it('keeps the owner, also when another request replaces the file’s, unless it names one', () => {
    expect(plan({ requestId: 'r2', userId: null })).toMatchObject({ request: { userId: 'u1' } });
    expect(plan({ userId: 'u2', totalEmails: 8 })).toMatchObject({
      request: { userId: 'u2', totalEmails: 8 },
    });
  });

  it('names the first ten batches of other files', () => {
    const batches = Array.from({ length: 30 }, (_, i) => sized(`b${i}`));
    const { errors } = foreignBatches(batches, new Set(batches.slice(5).map(({ batchId }) => batchId)));
    expect(errors).toHaveLength(10);
    expect(errors[0]).toEqual({ field: 'batches[5].batchId', message: 'is registered for another file' });
  });
});

describe('who may register', () => {
  const user = (userId: string, files: Claimant['files'] = []): Claimant => ({
    userId,
    files,
    isAdmin: false,
  });
  const more = { batches: [sized('b9')] };
  const next = { requestId: 'r2', batches: [sized('b9')] };
  const given = { userId: 'u2' };
  const givenNext = { ...next, ...given };
  const all = [more, next, given, givenNext];
  const outcomes = (claimant: Claimant, file: CurrentRequest | null = current()) =>
    all.map((said) => plan(said, file, false, claimant).outcome);

  it.each<[string, Claimant, string[]]>([
    ['an admin: all', OPERATOR, ['extended', 'replaced', 'extended', 'replaced']],
    ['the owner: all', user('u1'), ['extended', 'replaced', 'extended', 'replaced']],
    ['the validator: all but another owner', VALIDATOR, ['extended', 'replaced', 'refused', 'refused']],
    [
      'a user whose token names it: all but another owner',
      user('x', ['f0', 'f1']),
      ['extended', 'replaced', 'refused', 'refused'],
    ],
    ['its producer: its own request', user('worker'), ['extended', 'refused', 'refused', 'refused']],
    ['others: nothing', user('x', ['f0']), ['refused', 'refused', 'refused', 'refused']],
  ])('%s', (_, claimant, wanted) => expect(outcomes(claimant)).toEqual(wanted));

  it('leaves a file without owner to the operator', () => {
    const unowned = current({ userId: null, producer: null });
    expect(outcomes({ ...user('x'), userId: null }, unowned)).toEqual(Array(4).fill('refused'));
    expect(outcomes(user('x'), unowned)).toEqual(Array(4).fill('refused'));
    expect(outcomes(OPERATOR, unowned)).not.toContain('refused');
  });

  it('says nothing else of a file to those who are refused', () => {
    const refused = { outcome: 'refused' };
    expect(plan({}, current({ isPurged: true }), false, user('x'))).toEqual(refused);
    expect(plan({ requestId: 'r0' }, current(), true, user('x'))).toEqual(refused);
    expect(plan({ batches: [sized('b2', 5)] }, current(), false, user('x'))).toEqual(refused);
  });

  it('makes the claimant of a new file its owner, or the user that it names', () => {
    const created = (said: Partial<Registration>, claimant: Claimant) => plan(said, null, false, claimant);
    expect(created({}, user('x'))).toMatchObject({ request: { userId: 'x', producer: 'x' } });
    expect(created(given, user('x'))).toMatchObject({ request: { userId: 'u2', producer: 'x' } });
    expect(created({}, VALIDATOR)).toMatchObject({ request: { userId: null, producer: null } });
  });
});
