import { InvalidInput } from '../../../domain/invalid-input.js';
import type { Update } from '../../../domain/update.js';
import type { Registered, Registration, Saved } from '../../store.js';
import type { BatchHead, FileDoc } from '../documents.js';
import { unavailable } from '../errors.js';
import { findBatchTombstone, findFile, hasTombstone, owningFile } from '../generations.js';
import type { Models } from '../models.js';
import { findBatch } from './batch-docs.js';
import type { HeldUpdates } from './held-updates.js';
import type { RecentWrites } from './recent-writes.js';
import { applyUpdate, failBatch } from './write-batch.js';

/** Every attempt that fails means that somebody else's write of the same batch succeeded. */
const ATTEMPTS = 1_000;

/** Registers the batch of a message that names its file. */
export type Register = (registration: Registration) => Promise<Registered>;

const HELD: Saved = { outcome: 'held', fileId: null };
const SUPERSEDED: Saved = { outcome: 'superseded', fileId: null };

/**
 * Stores an update: reads the batch without its list, decides, and writes on condition that the batch is still as it was
 * read. Whoever loses a race reads again, so updates of one batch take effect one after the other, whichever gateways
 * they came by.
 */
export async function saveUpdate(
  db: Models,
  held: HeldUpdates,
  update: Update,
  register: Register,
  recent: RecentWrites,
): Promise<Saved> {
  const { batchId } = update;
  const list = recent.lists.measure(batchId, update.results);
  const remembered = { list, written: (batch: BatchHead) => recent.remember(batch, list) };
  let touched = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // As it was left here: if it is not like that any more, the write finds out. What was found writes nothing, mostly.
    const known = attempt === 0 && update.isFound !== true ? recent.heads.get(batchId) : undefined;
    const batch = known ?? (await findBatch(db, batchId));
    const owner = await attribute(db, batch, update);
    if (typeof owner === 'string') {
      recent.forget(batchId);
      if (known !== undefined) continue;
    }
    if (owner === 'over') return SUPERSEDED;
    if (owner === 'unregistered') {
      const { outcome } = await register(registrationOf(update));
      if (outcome === 'superseded') return SUPERSEDED;
      touched ||= outcome !== 'unchanged';
      continue;
    }
    if (owner === 'nobody') {
      if ((await held.hold(db, batch, update)) !== 'conflict') return HELD;
      continue;
    }
    const written = await applyUpdate(db, owner.batch, update, new Date(), remembered);
    if (written === 'conflict') continue;
    const outcome = written === 'applied' || touched ? 'applied' : 'unchanged';
    return { outcome, fileId: owner.file.fileId };
  }
  throw unavailable('too many updates of one batch at once');
}

/** Ends a batch by hand; false: the file has no such batch. */
export async function failBatchByHand(
  db: Models,
  fileId: string,
  batchId: string,
  reason: string,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const batch = await findBatch(db, batchId);
    const file = batch === null ? null : await owningFile(db, batch);
    if (batch === null || file?.fileId !== fileId) return false;
    if ((await failBatch(db, batch, reason, new Date())) !== 'conflict') return true;
  }
  throw unavailable('too many updates of one batch at once');
}

/** The file that a batch is registered for; null: none that stands. `recent`: an update of the batch is about to be saved. */
export async function fileOfBatch(
  db: Models,
  batchId: string,
  recent?: RecentWrites,
): Promise<string | null> {
  const batch = await findBatch(db, batchId);
  const file = batch === null ? null : await owningFile(db, batch);
  if (batch === null || file === null) return null;
  recent?.rememberHead(batch);
  return file.fileId;
}

type Attribution = { batch: BatchHead; file: FileDoc } | 'unregistered' | 'nobody' | 'over';

/** Whose batch it is. The batch is read before its file: if the file stands after that, so did it when the batch was read. */
async function attribute(db: Models, batch: BatchHead | null, update: Update): Promise<Attribution> {
  const file = batch === null ? null : await owningFile(db, batch);
  if (update.fileId !== null) return attributeNamed(db, batch, file, update, update.fileId);
  if (batch !== null && file !== null) return { batch, file };
  if (batch !== null) return batch.generation === null ? 'nobody' : 'over';
  return (await findBatchTombstone(db, update.batchId)) === null ? 'nobody' : 'over';
}

/** A message that names its file registers its batch; but late news never brings back what was replaced or removed. */
async function attributeNamed(
  db: Models,
  batch: BatchHead | null,
  owner: FileDoc | null,
  update: Update,
  fileId: string,
): Promise<Attribution> {
  if (owner !== null && owner.fileId !== fileId) {
    throw new InvalidInput([
      { field: 'fileId', message: 'is not the file that the batch is registered for' },
    ]);
  }
  if (batch !== null && owner !== null && saysNothingNew(update, owner)) return { batch, file: owner };
  const { requestId } = update;
  if (owner === null && (await isOvertaken(db, batch, update))) return 'over';
  if (requestId !== null) {
    // A deleted file may have been registered anew under the same request: then it stands again.
    const standing = owner ?? (await findFile(db, fileId));
    if (requestId !== standing?.requestId && (await hasTombstone(db, fileId, requestId))) return 'over';
  }
  return 'unregistered';
}

/** Most messages of a batch repeat what its first one has registered. */
const saysNothingNew = ({ requestId, totalBatches }: Update, file: FileDoc): boolean =>
  file.pending === undefined &&
  (requestId ?? file.requestId) === file.requestId &&
  (totalBatches ?? file.declared.totalBatches) === file.declared.totalBatches;

/** The batch was of a request that is over, and the message names no other one. */
async function isOvertaken(db: Models, batch: BatchHead | null, update: Update): Promise<boolean> {
  if (batch !== null && batch.generation === null) return false;
  const generation = batch?.generation ?? (await findBatchTombstone(db, update.batchId))?.generation ?? null;
  if (generation === null) return false;
  if (update.requestId === null) return true;
  const ended = await db.tombstones
    .findById(generation, { requestId: 1 })
    .lean<{ requestId: string | null }>()
    .exec();
  return ended === null || ended.requestId === update.requestId;
}

const registrationOf = ({ fileId, batchId, requestId, totalBatches }: Update): Registration => ({
  fileId: fileId ?? '',
  requestId,
  userId: null,
  totalEmails: null,
  totalBatches,
  batches: [{ batchId, totalEmails: null }],
});
