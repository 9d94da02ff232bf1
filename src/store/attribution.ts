/** Which file and request an update belongs to, decided once for every store. */

import { DAY_MS } from '../domain/durations.js';
import type { FileId, RequestId } from '../domain/id.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { type Claimant, mayExtend, type Ownership } from '../domain/ownership.js';
import type { Update } from '../domain/update.js';
import { Fault } from '../errors.js';
import type { Registration } from './store.js';

/** How long a late update of a generation that is over is recognised as such. */
export const TOMBSTONE_MS = DAY_MS;

/** What a store knows of an update's batch. */
export type BatchRegistration =
  | { readonly state: 'unregistered' }
  | (Ownership & {
      readonly state: 'current';
      readonly requestId: RequestId | null;
      readonly totalBatches: number | null;
      /** A registration of the file is not complete: an update that names the file completes it first. */
      readonly isRegistering?: boolean;
    })
  /** Of a generation that is over; `requestId` is undefined where its request is not known any more. */
  | { readonly state: 'over'; readonly requestId: RequestId | null | undefined };

/** The registration that an update makes for itself. */
export interface SelfRegistration {
  readonly registration: Registration;
  /** If this request is over, the update is superseded. Null: it cannot be. */
  readonly unlessOver: { readonly fileId: FileId; readonly requestId: RequestId } | null;
}

/** `apply`: to its batch as it is. */
type Attribution = 'apply' | 'hold' | 'superseded' | SelfRegistration;

/**
 * The rules that `UpdateStore.save` documents. A late update never brings a request back that was replaced or removed.
 * @throws InvalidInput where the batch is registered for another file; Fault `file_not_found` where that is another's
 */
export function attributionOf(
  update: Omit<Update, 'results'>,
  batch: BatchRegistration,
  sender: Claimant,
): Attribution {
  const { fileId, requestId } = update;
  if (fileId === null) {
    if (batch.state === 'current') return mayExtend(sender, batch) ? 'apply' : 'hold';
    return batch.state === 'over' ? 'superseded' : 'hold';
  }
  const isOwnRequest = batch.state !== 'unregistered' && (requestId ?? batch.requestId) === batch.requestId;
  if (batch.state === 'over' && (isOwnRequest || batch.requestId === undefined)) return 'superseded';
  if (batch.state === 'current') {
    if (batch.fileId !== fileId) throw foreignBatch();
    if (!mayExtend(sender, batch)) throw foreignFile();
    // Most updates of a batch repeat what its first one has registered.
    const saysNothingNew = isOwnRequest && (update.totalBatches ?? batch.totalBatches) === batch.totalBatches;
    if (saysNothingNew && batch.isRegistering !== true) return 'apply';
  }
  const registration = registrationOf(update, fileId);
  const isCurrent = batch.state === 'current' && isOwnRequest;
  return { registration, unlessOver: requestId === null || isCurrent ? null : { fileId, requestId } };
}

const registrationOf = (
  { batchId, requestId, totalBatches }: Omit<Update, 'results'>,
  fileId: FileId,
): Registration => ({
  fileId,
  requestId,
  userId: null,
  totalEmails: null,
  totalBatches,
  batches: [{ batchId, totalEmails: null }],
});

/** The refusal of a call about another's file: it says the same as about one that does not exist. */
export const foreignFile = (): Fault => new Fault('file_not_found');

const foreignBatch = (): InvalidInput =>
  new InvalidInput([{ field: 'fileId', message: 'is not the file that the batch is registered for' }]);
