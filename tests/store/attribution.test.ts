import { expect, it } from '@jest/globals';
import { type Claimant, VALIDATOR } from '../../src/domain/ownership.js';
import { attributionOf, type BatchRegistration } from '../../src/store/attribution.js';

const unregistered: BatchRegistration = { state: 'unregistered' };
const ownership = { fileId: 'f1', userId: 'jane', producer: 'worker' };
const current = { state: 'current', ...ownership, requestId: 'r1', totalBatches: 2 } as const;
const over = (requestId: string | null | undefined): BatchRegistration => ({ state: 'over', requestId });
const unnamed = { fileId: null };
const named = { fileId: 'f1', requestId: 'r1' };

const user = (userId: string): Claimant => ({ userId, files: [], isAdmin: false });

const attribute = (said: object, owner: BatchRegistration, sender: Claimant = VALIDATOR) =>
  attributionOf(
    {
      batchId: 'b1',
      fileId: null,
      requestId: null,
      totalBatches: null,
      isComplete: false,
      failure: null,
      totalEmails: null,
      processedCount: 1,
      ...said,
    },
    owner,
    sender,
  );

/** `registers` and `asks`: the update registers its batch; the second only if its request is not over. */
function outcomeOf(said: object, owner: BatchRegistration): string {
  const attribution = attribute(said, owner);
  if (typeof attribution === 'string') return attribution;
  return attribution.unlessOver === null ? 'registers' : 'asks';
}

it.each<[string, object, BatchRegistration, string]>([
  ['names no file, of a registered batch', unnamed, current, 'apply'],
  ['names no file, of an unknown batch', unnamed, unregistered, 'hold'],
  ['names no file, of a batch that is over', unnamed, over('r1'), 'superseded'],
  ['repeats what is known', named, current, 'apply'],
  [
    'repeats what is known while a registration is pending',
    named,
    { ...current, isRegistering: true },
    'registers',
  ],
  ['names only the file', { fileId: 'f1' }, current, 'apply'],
  ['has a new number of batches', { ...named, totalBatches: 3 }, current, 'registers'],
  ['names another request', { ...named, requestId: 'r2' }, current, 'asks'],
  ['names its file first', named, unregistered, 'asks'],
  ['names its file without a request', { fileId: 'f1' }, unregistered, 'registers'],
  ['is of the request that is over', named, over('r1'), 'superseded'],
  ['names no request, of a batch that is over', { fileId: 'f1' }, over('r1'), 'superseded'],
  ['is of a request that nothing is known of any more', named, over(undefined), 'superseded'],
  ['runs a batch again under a later request', { ...named, requestId: 'r2' }, over('r1'), 'asks'],
])('an update that %s', (_, said, owner, wanted) => expect(outcomeOf(said, owner)).toBe(wanted));

it('refuses a batch of another file', () => {
  expect(() => attribute({ fileId: 'f2' }, current)).toThrow('fileId: is not the file');
});

it('registers one batch, and says nothing of its owner or its sizes', () => {
  expect(attribute({ ...named, totalBatches: 3 }, unregistered)).toEqual({
    registration: {
      fileId: 'f1',
      requestId: 'r1',
      userId: null,
      totalEmails: null,
      totalBatches: 3,
      batches: [{ batchId: 'b1', totalEmails: null }],
    },
    unlessOver: { fileId: 'f1', requestId: 'r1' },
  });
});

it('holds an update for a batch of another’s file, as if the batch were unknown', () => {
  for (const sender of [user('jane'), user('worker'), VALIDATOR])
    expect(attribute(unnamed, current, sender)).toBe('apply');
  expect(attribute(unnamed, current, user('joe'))).toBe('hold');
  expect(attribute(unnamed, { ...current, userId: null, producer: null }, user('joe'))).toBe('hold');
});

it('refuses an update that names another’s file', () => {
  expect(attribute(named, current, user('jane'))).toBe('apply');
  expect(() => attribute(named, current, user('joe'))).toThrow(
    expect.objectContaining({ code: 'file_not_found' }),
  );
});
