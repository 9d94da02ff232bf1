import { expect, it } from '@jest/globals';
import { attributionOf, type BatchOwner } from '../../src/store/attribution.js';

const unregistered: BatchOwner = { state: 'unregistered' };
const current = { state: 'current', fileId: 'f1', requestId: 'r1', totalBatches: 2 } as const;
const over = (requestId: string | null | undefined): BatchOwner => ({ state: 'over', requestId });
const unnamed = { fileId: null };
const named = { fileId: 'f1', requestId: 'r1' };

const attribute = (said: object, owner: BatchOwner) =>
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
  );

/** `registers` and `asks`: the update registers its batch; the second only if its request is not over. */
function outcomeOf(said: object, owner: BatchOwner): string {
  const attribution = attribute(said, owner);
  if (typeof attribution === 'string') return attribution;
  return attribution.unlessOver === null ? 'registers' : 'asks';
}

it.each<[string, object, BatchOwner, string]>([
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
