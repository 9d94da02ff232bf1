/** Stores updates in MongoDB, as `UpdateStore.save` says. */
import { clock } from '../../../clock.js';
import type { BatchId, FileId } from '../../../domain/id.js';
import { type Claimant, holderOf, mayExtend, mayReplace } from '../../../domain/ownership.js';
import type { Update } from '../../../domain/update.js';
import type { SharedCalls } from '../../../shared-calls.js';
import {
  attributionOf,
  type BatchRegistration,
  foreignFile,
  type SelfRegistration,
} from '../../attribution.js';
import type { Registered, Registration, Saved } from '../../store.js';
import type { AnnouncedMarks } from '../announced-marks.js';
import { confirmRead } from '../confirmation.js';
import type { StoredBatch } from '../documents/batches.js';
import type { FileDoc } from '../documents/files.js';
import { unavailable } from '../errors.js';
import { findBatchTombstone, findFile, hasTombstone, ownershipOf, owningFile } from '../generations.js';
import { findDoc, type Models } from '../models.js';
import { findBatch } from './batch-docs.js';
import { itemOf } from './chunks.js';
import type { HeldUpdates } from './held-updates.js';
import { Holding } from './private-held-updates.js';
import type { RecentWrites } from './recent-writes.js';
import { applyUpdate, failBatch } from './write-batch.js';

/** Each failed attempt means that another write of the same batch succeeded. */
const ATTEMPTS = 1_000;

interface SaveDeps {
  readonly held: HeldUpdates;
  readonly recent: RecentWrites;
  readonly marks: Pick<AnnouncedMarks, 'replaced'>;
  /** Updates that come at once share the read of their file's document. */
  readonly files: SharedCalls<FileId, FileDoc | null>;
  readonly register: (registration: Registration) => Promise<Registered>;
}

const SUPERSEDED: Saved = { outcome: 'superseded', fileId: null };

/**
 * Stores an update: reads the batch without its list, decides, and writes on condition that the batch is still as it was
 * read. A write that loses a race starts over, so the updates of one batch take effect one after the other, whichever
 * gateways they came by.
 */
export async function saveUpdate(
  db: Models,
  update: Update,
  sender: Claimant,
  { held, recent, marks, files, register }: SaveDeps,
): Promise<Saved> {
  const { batchId } = update;
  const holding = new Holding(db, held, update, sender);
  const list = recent.lists.fingerprint(batchId, update.results);
  let hasRegistered = false;
  recent.saving(batchId);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // As this gateway has left it; if it has changed since, the write fails. A found update mostly writes nothing.
    const remembered = attempt === 0 && update.isFound !== true ? recent.batches.get(batchId) : undefined;
    const batch = remembered ?? (await findBatch(db, batchId));
    // The file is read after the batch: if the generation is current then, it was when the batch was read.
    const file =
      batch === null
        ? null
        : await owningFile(batch, (fileId) => files.run(fileId, () => findFile(db, fileId)));
    const attribution = attributionOf(update, await registrationOf(db, update, batch, file), sender);
    if (attribution !== 'apply') {
      recent.forget(batchId);
      if (remembered !== undefined) continue;
    }
    if (attribution === 'superseded') {
      await holding.release();
      return SUPERSEDED;
    }
    // A result that can never be stored is refused before the file is registered: it leaves no `pending` file behind.
    if (attribution !== 'apply') for (const result of update.results) itemOf(result);
    if (attribution === 'hold') {
      if (await holding.hold(batch)) return { outcome: 'held', fileId: null };
    } else if (attribution !== 'apply') {
      const { registration, unlessOver } = attribution;
      if (unlessOver !== null && (await isOver(db, unlessOver, file, sender))) return SUPERSEDED;
      const { outcome } = await register(registration);
      if (outcome === 'superseded') return SUPERSEDED;
      hasRegistered ||= outcome !== 'unchanged';
    } else if (batch !== null && file !== null) {
      // A registration that is still pending may be taken back, and its batches with it.
      const isCertain = file.pending === undefined;
      const written = (saved: StoredBatch) => {
        recent.remember(saved, list, isCertain);
        marks.replaced(saved);
      };
      const holder = isCertain ? null : holderOf(sender);
      const sentBy = holder === null ? {} : { sentBy: holder };
      const applied = await applyUpdate(db, batch, update, clock.date(), { list, written, ...sentBy });
      if (applied === 'conflict') continue;
      await holding.release();
      const isApplied = applied === 'applied' || hasRegistered;
      return { outcome: isApplied ? 'applied' : 'unchanged', fileId: file.fileId };
    }
  }
  throw unavailable('too many updates of one batch at once');
}

/** Reads no more than the rule needs: the request of a batch that is over matters to an update that names file and request. */
async function registrationOf(
  db: Models,
  { batchId, fileId, requestId }: Update,
  batch: StoredBatch | null,
  file: FileDoc | null,
): Promise<BatchRegistration> {
  if (file !== null) {
    const { totalBatches } = file.declared;
    const isRegistering = file.pending !== undefined;
    return {
      state: 'current',
      ...ownershipOf(file),
      requestId: file.requestId,
      totalBatches,
      isRegistering,
    };
  }
  const generation = batch?.generation ?? (await findBatchTombstone(db, batchId))?.generation;
  if (generation === undefined) return { state: 'unregistered' };
  const tombstone =
    fileId === null || requestId === null
      ? null
      : await findDoc(db.tombstones, { _id: generation }, { projection: { requestId: 1 } });
  return { state: 'over', requestId: tombstone?.requestId };
}

async function isOver(
  db: Models,
  { fileId, requestId }: NonNullable<SelfRegistration['unlessOver']>,
  file: FileDoc | null,
  sender: Claimant,
): Promise<boolean> {
  // The request of a deleted file may have been registered anew: then it is current again.
  const current = file?.fileId === fileId ? file : await findFile(db, fileId);
  if (current !== null && !mayExtend(sender, ownershipOf(current))) throw foreignFile();
  return current?.requestId !== requestId && (await hasTombstone(db, fileId, requestId));
}

/**
 * Ends a batch that will never answer; false: the file has no such batch.
 * @throws Fault `file_not_found` where the file is another's
 */
export async function failBatchByHand(
  db: Models,
  {
    fileId,
    batchId,
    reason,
  }: { readonly fileId: FileId; readonly batchId: BatchId; readonly reason: string },
  claimant: Claimant,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const batch = await findBatch(db, batchId);
    const file = batch === null ? null : await owningFile(batch, (fileId) => findFile(db, fileId));
    const named = file?.fileId === fileId ? file : await findFile(db, fileId);
    if (named !== null && !mayReplace(claimant, ownershipOf(named))) throw foreignFile();
    if (batch === null || file?.fileId !== fileId) return false;
    const written = await failBatch(db, batch, reason, clock.date());
    if (written === 'unchanged') await confirmRead(db);
    if (written !== 'conflict') return true;
  }
  throw unavailable('too many updates of one batch at once');
}

/** The current file of a batch; null: there is none. `recent`: an update of the batch is about to be saved. */
export async function fileOfBatch(
  db: Models,
  batchId: BatchId,
  recent?: RecentWrites,
): Promise<FileId | null> {
  const batch = await findBatch(db, batchId);
  const file = batch === null ? null : await owningFile(batch, (fileId) => findFile(db, fileId));
  if (batch === null || file === null) return null;
  recent?.rememberBatch(batch);
  return file.fileId;
}
