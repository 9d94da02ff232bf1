/**
 * What a registration changes in a file, decided once for every store: a store reads what the rule asks for and writes
 * what it answers.
 */

import type { BatchId, Generation, RequestId } from '../domain/id.js';
import { InvalidInput, MAX_FIELD_ERRORS } from '../domain/invalid-input.js';
import { type Claimant, mayExtend, mayGive, mayReplace, type Ownership } from '../domain/ownership.js';
import { Fault } from '../errors.js';
import type { RegisteredBatch, Registration } from './store.js';

/** All of them are in the head of the file's feed, and are read for a new one. */
export const MAX_BATCHES_OF_FILE = 200_000;

export type RequestDetails = Pick<
  Registration,
  'requestId' | 'userId' | 'totalEmails' | 'totalBatches' | 'submission'
>;

/** The current request of a file, as it was registered. */
export interface CurrentRequest extends RequestDetails, Ownership {
  readonly generation: Generation;
  readonly isPurged: boolean;
  readonly batchCount: number;
}

export type RegistrationPlan =
  /** It is another's file, which looks like one that does not exist. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'superseded' }
  | { readonly outcome: 'unchanged' }
  | NewGeneration
  | Extension;

/** A request with the one who registered it. */
export type ProducedRequest = RequestDetails & Pick<Ownership, 'producer'>;

export interface NewGeneration {
  readonly outcome: 'created' | 'replaced';
  readonly request: ProducedRequest;
  /** Batches to register, each once. */
  readonly missing: readonly RegisteredBatch[];
}

/** `named`: nothing changes, but an unnamed request gets its id. */
export interface Extension {
  readonly outcome: 'extended' | 'named';
  /** The request afterwards; null: it stays as it is. */
  readonly request: ProducedRequest | null;
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
 * @throws InvalidInput where the file would have more than `MAX_BATCHES_OF_FILE`
 */
export function planRegistration(
  registration: Registration,
  claimant: Claimant,
  current: CurrentRequest | null,
  isOver: boolean,
  sizeOf: (batchId: BatchId) => number | null | undefined,
): RegistrationPlan {
  const batches = distinct(registration.batches);
  const producer = claimant.userId;
  // Asked before whose the file is: whatever has the file's id now, the answer is the same.
  if (registration.intent === 'continue' && !isRequestOf(current, registration, sizeOf))
    return { outcome: 'superseded' };
  if (current === null && registration.generation !== undefined) return { outcome: 'superseded' };
  if (current === null) {
    const request = { ...registration, userId: registration.userId ?? claimant.userId, producer };
    assertRoom(0, batches);
    return { outcome: 'created', request, missing: batches };
  }
  const isOther = namesAnotherRequest(current, registration.requestId);
  // A claimant that is refused must not learn from another answer that the file exists.
  if (!mayExtend(claimant, current) || !mayGive(claimant, current, registration.userId))
    return { outcome: 'refused' };
  if (registration.intent === 'create' && current.requestId !== registration.requestId)
    throw new Fault('file_exists');
  if (registration.generation !== undefined && registration.generation !== current.generation)
    return { outcome: 'superseded' };
  if (isOther ? isOver : current.isPurged) return { outcome: 'superseded' };
  const missing = batches.filter(({ batchId }) => sizeOf(batchId) === undefined);
  // An unnamed request gets its id from a registration that shares a batch with it; any other request is another one.
  const isNamed = isOther && current.requestId === null && missing.length < batches.length;
  if (isOther && !isNamed) {
    if (!mayReplace(claimant, current)) return { outcome: 'refused' };
    const request = { ...registration, userId: registration.userId ?? current.userId, producer };
    assertRoom(0, batches);
    return { outcome: 'replaced', request, missing: batches };
  }
  assertRoom(current.batchCount, missing);
  const sized = batches.flatMap(({ batchId, totalEmails }) =>
    totalEmails !== null && sizeOf(batchId) === null ? [{ batchId, totalEmails }] : [],
  );
  const request = {
    ...merged(current, registration),
    producer: producerAfter(registration, claimant, current),
  };
  const isDescribed = (['userId', 'totalEmails', 'totalBatches'] as const).some(
    (detail) => request[detail] !== current[detail],
  );
  const isExtended = isDescribed || missing.length > 0 || sized.length > 0;
  if (!isExtended && !isNamed) return { outcome: 'unchanged' };
  const outcome = isExtended ? 'extended' : 'named';
  return { outcome, request: isDescribed || isNamed ? request : null, missing, sized };
}

/** Batches that a file's request has once all of a registration are registered. `known`: how many of these it has already. */
export function batchesAfter(
  { requestId, totalBatches, batches }: Registration,
  current: CurrentRequest | null,
  known: number,
): number {
  const { length } = distinct(batches);
  const isOther = namesAnotherRequest(current, requestId) && (current?.requestId !== null || known === 0);
  if (current === null || isOther) return Math.max(totalBatches ?? 0, length);
  return Math.max(totalBatches ?? current.totalBatches ?? 0, current.batchCount + length - known);
}

/** Whether a registration is of the file's request. One without an id may get it, from a registration of one of its batches. */
const isRequestOf = (
  current: CurrentRequest | null,
  { requestId, batches }: Registration,
  sizeOf: (batchId: BatchId) => number | null | undefined,
): boolean =>
  current !== null &&
  (current.requestId === requestId ||
    (current.requestId === null && batches.some(({ batchId }) => sizeOf(batchId) !== undefined)));

function assertRoom(batchCount: number, missing: readonly RegisteredBatch[]): void {
  if (missing.length === 0 || batchCount + missing.length <= MAX_BATCHES_OF_FILE) return;
  const message = `are too many: a file may have ${MAX_BATCHES_OF_FILE}`;
  throw new InvalidInput([{ field: 'batches', message }]);
}

/** What a registration adds to a request. `mayGive` has decided that it may name the owner. */
const merged = (current: RequestDetails, registration: RequestDetails): RequestDetails => ({
  requestId: registration.requestId ?? current.requestId,
  userId: registration.userId ?? current.userId,
  totalEmails: registration.totalEmails ?? current.totalEmails,
  totalBatches: registration.totalBatches ?? current.totalBatches,
});

/** An owner who gives a file away goes on filling it. One from whom an admin takes it does not. */
const producerAfter = (
  { userId }: RequestDetails,
  claimant: Claimant,
  current: CurrentRequest,
): Ownership['producer'] =>
  userId !== null && userId !== current.userId && current.producer === current.userId
    ? claimant.userId
    : current.producer;

/** Each batch once, with the first size that is given for it. */
export function distinct(batches: readonly RegisteredBatch[]): RegisteredBatch[] {
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
