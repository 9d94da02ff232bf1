import { InvalidInput } from '../../domain/invalid-input.js';
import type { Update } from '../../domain/update.js';
import type { Registered, Registration, Saved } from '../store.js';
import { headOf } from './batch-docs.js';
import { applyUpdate, failBatch } from './batches.js';
import type { Batch, FileDoc } from './documents.js';
import { unavailable } from './errors.js';
import type { Held } from './held.js';
import { endedBatchOf, fileOf, hasEnded, ownerOf } from './lives.js';
import type { Models } from './models.js';
import type { Recently } from './recently.js';

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
export async function save(
  db: Models,
  held: Held,
  update: Update,
  register: Register,
  recent: Recently,
): Promise<Saved> {
  const { batchId } = update;
  const list = recent.lists.measure(batchId, update.results);
  const remembered = { list, written: (batch: Batch) => recent.remember(batch, list) };
  let touched = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // As it was left here: if it is not like that any more, the write finds out. What was found writes nothing, mostly.
    const known = attempt === 0 && update.isFound !== true ? recent.heads.get(batchId) : undefined;
    const batch = known ?? (await headOf(db, batchId));
    const owner = await whose(db, batch, update);
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
export async function fail(db: Models, fileId: string, batchId: string, reason: string): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const batch = await headOf(db, batchId);
    const file = batch === null ? null : await ownerOf(db, batch);
    if (batch === null || file?.fileId !== fileId) return false;
    if ((await failBatch(db, batch, reason, new Date())) !== 'conflict') return true;
  }
  throw unavailable('too many updates of one batch at once');
}

/** The file that a batch is registered for; null: none that stands. `recent`: an update of the batch is about to be saved. */
export async function locate(db: Models, batchId: string, recent?: Recently): Promise<string | null> {
  const batch = await headOf(db, batchId);
  const file = batch === null ? null : await ownerOf(db, batch);
  if (batch === null || file === null) return null;
  recent?.rememberHead(batch);
  return file.fileId;
}

type Whose = { batch: Batch; file: FileDoc } | 'unregistered' | 'nobody' | 'over';

/** Whose batch it is. The batch is read before its file: if the file stands after that, so did it when the batch was read. */
async function whose(db: Models, batch: Batch | null, update: Update): Promise<Whose> {
  const file = batch === null ? null : await ownerOf(db, batch);
  if (update.fileId !== null) return named(db, batch, file, update, update.fileId);
  if (batch !== null && file !== null) return { batch, file };
  if (batch !== null) return batch.life === null ? 'nobody' : 'over';
  return (await endedBatchOf(db, update.batchId)) === null ? 'nobody' : 'over';
}

/** A message that names its file registers its batch; but late news never brings back what was replaced or removed. */
async function named(
  db: Models,
  batch: Batch | null,
  owner: FileDoc | null,
  update: Update,
  fileId: string,
): Promise<Whose> {
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
    const standing = owner ?? (await fileOf(db, fileId));
    if (requestId !== standing?.requestId && (await hasEnded(db, fileId, requestId))) return 'over';
  }
  return 'unregistered';
}

/** Most messages of a batch repeat what its first one has registered. */
const saysNothingNew = ({ requestId, totalBatches }: Update, file: FileDoc): boolean =>
  file.intent === undefined &&
  (requestId ?? file.requestId) === file.requestId &&
  (totalBatches ?? file.declared.totalBatches) === file.declared.totalBatches;

/** The batch was of a request that is over, and the message names no other one. */
async function isOvertaken(db: Models, batch: Batch | null, update: Update): Promise<boolean> {
  if (batch !== null && batch.life === null) return false;
  const life = batch?.life ?? (await endedBatchOf(db, update.batchId))?.life ?? null;
  if (life === null) return false;
  if (update.requestId === null) return true;
  const ended = await db.ended.findById(life, { requestId: 1 }).lean<{ requestId: string | null }>().exec();
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
