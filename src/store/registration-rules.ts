/**
 * What a registration changes in a file, decided once for every store: a store reads what the rule asks for and writes
 * what it answers.
 */

import type { BatchId, RequestId } from '../domain/id.js';
import { InvalidInput, MAX_FIELD_ERRORS } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { RegisteredBatch, Registration } from './store.js';

export type RequestDetails = Pick<
  Registration,
  'requestId' | 'userId' | 'totalEmails' | 'totalBatches' | 'submission'
>;

/** The current request of a file, as it was registered. */
export interface CurrentRequest extends RequestDetails {
  readonly isPurged: boolean;
}

export type RegistrationPlan =
  | { readonly outcome: 'superseded' }
  | { readonly outcome: 'unchanged' }
  | NewGeneration
  | Extension;

export interface NewGeneration {
  readonly outcome: 'created' | 'replaced';
  readonly request: RequestDetails;
  /** Batches to register, each once. */
  readonly missing: readonly RegisteredBatch[];
}

/** `named`: nothing changes, but an unnamed request gets its id. */
export interface Extension {
  readonly outcome: 'extended' | 'named';
  /** The request afterwards; null: it stays as it is. */
  readonly request: RequestDetails | null;
  readonly missing: readonly RegisteredBatch[];
  /** Batches of the current generation that had no size and get one. */
  readonly sized: readonly { readonly batchId: BatchId; readonly totalEmails: number }[];
}

/** Whether another request than the current one is named: only such a request may be over already. */
export const namesAnotherRequest = (
  current: CurrentRequest | null,
  requestId: RequestId | null,
): requestId is RequestId => current !== null && requestId !== null && requestId !== current.requestId;

/**
 * `current`: null where the file does not exist. `isOver`: the registration's request was replaced or removed; only asked
 * for where `namesAnotherRequest` says so. `sizeOf`: the size of a batch of the current generation, null where that is
 * not known; undefined where the batch is not of that generation.
 */
export function planRegistration(
  registration: Registration,
  current: CurrentRequest | null,
  isOver: boolean,
  sizeOf: (batchId: BatchId) => number | null | undefined,
): RegistrationPlan {
  const batches = distinct(registration.batches);
  refuseUnintended(registration, current);
  if (current === null) return { outcome: 'created', request: registration, missing: batches };
  const isOther = namesAnotherRequest(current, registration.requestId);
  if (isOther ? isOver : current.isPurged) return { outcome: 'superseded' };
  const missing = batches.filter(({ batchId }) => sizeOf(batchId) === undefined);
  // An unnamed request gets its id from a registration that shares a batch with it; any other request is another one.
  const isNamed = isOther && current.requestId === null && missing.length < batches.length;
  if (isOther && !isNamed) {
    const request = { ...registration, userId: registration.userId ?? current.userId };
    return { outcome: 'replaced', request, missing: batches };
  }
  const sized = batches.flatMap(({ batchId, totalEmails }) =>
    totalEmails !== null && sizeOf(batchId) === null ? [{ batchId, totalEmails }] : [],
  );
  const request = merged(current, registration);
  const isDescribed = (['userId', 'totalEmails', 'totalBatches'] as const).some(
    (detail) => request[detail] !== current[detail],
  );
  const isExtended = isDescribed || missing.length > 0 || sized.length > 0;
  if (!isExtended && !isNamed) return { outcome: 'unchanged' };
  const outcome = isExtended ? 'extended' : 'named';
  return { outcome, request: isDescribed || isNamed ? request : null, missing, sized };
}

/** A submission goes on only with its own request, and overwrites another one only where its caller says so. */
function refuseUnintended({ requestId, intent }: Registration, current: CurrentRequest | null): void {
  const isOwn = current !== null && current.requestId === requestId;
  if (intent === 'continue' && !isOwn) throw new Fault('file_not_found');
  if (intent === 'create' && current !== null && !isOwn) throw new Fault('file_exists');
}

/** What a registration adds to a request. A file stays with its first owner. */
const merged = (current: RequestDetails, registration: RequestDetails): RequestDetails => ({
  requestId: registration.requestId ?? current.requestId,
  userId: current.userId ?? registration.userId,
  totalEmails: registration.totalEmails ?? current.totalEmails,
  totalBatches: registration.totalBatches ?? current.totalBatches,
});

/** Each batch once, with the first size that is given for it. */
function distinct(batches: readonly RegisteredBatch[]): RegisteredBatch[] {
  const sizes = new Map<BatchId, number | null>();
  for (const { batchId, totalEmails } of batches) sizes.set(batchId, sizes.get(batchId) ?? totalEmails);
  return [...sizes].map(([batchId, totalEmails]) => ({ batchId, totalEmails }));
}

/** The refusal of a registration that names batches of another file. */
export function foreignBatches(
  batches: readonly RegisteredBatch[],
  foreign: ReadonlySet<BatchId>,
): InvalidInput {
  const errors = batches.flatMap(({ batchId }, index) =>
    foreign.has(batchId)
      ? [{ field: `batches[${index}].batchId`, message: 'is registered for another file' }]
      : [],
  );
  return new InvalidInput(errors.slice(0, MAX_FIELD_ERRORS));
}
