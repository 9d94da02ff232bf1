/**
 * Updates that are held for one user only, because that user sent them. Each has a document beside the batch's own, under
 * an id of its own: what one user sends for a batch must neither change nor keep out what the others send.
 */

import { trusted } from 'mongoose';
import type { BatchId, Generation, UserId } from '../../../domain/id.js';
import { type Claimant, holderOf, takesHeld } from '../../../domain/ownership.js';
import { readResult } from '../../../domain/result.js';
import type { Update } from '../../../domain/update.js';
import type { StoredBatch } from '../documents/batches.js';
import type { FileDoc, PendingRegistration } from '../documents/files.js';
import { unavailable } from '../errors.js';
import type { Models } from '../models.js';
import { resultsAt } from '../results/batch-reads.js';
import { toJson } from '../results/result-docs.js';
import { findBatch, findBatchesWhere } from './batch-docs.js';
import type { HeldUpdates } from './held-updates.js';
import { applyUpdate } from './write-batch.js';

/** A document that changes between two calls is read again; none changes as often as this. */
const ATTEMPTS = 1_000;
/** Ids have no control characters, so no batch has this id, and the user is what comes after it. */
const SEPARATOR = '\n';

const privateId = (batchId: BatchId, holder: UserId): BatchId => `${batchId}${SEPARATOR}${holder}`;
const holderIn = (id: BatchId): UserId => id.slice(id.indexOf(SEPARATOR) + SEPARATOR.length);

/** How one update is held while it is saved: for any registration of its batch, or for those of its sender. */
export class Holding {
  readonly #holder: UserId | null;
  #isHeld = false;

  constructor(
    private readonly db: Models,
    private readonly held: HeldUpdates,
    private readonly update: Update,
    sender: Claimant,
  ) {
    this.#holder = holderOf(sender);
  }

  /** False: the caller reads the batch again and decides anew. */
  async hold(batch: StoredBatch | null): Promise<boolean> {
    if (this.#holder === null) return (await this.held.hold(this.db, batch, this.update)) !== 'conflict';
    // Held, and the batch is still not registered: a registration from now on finds the update.
    if (this.#isHeld) return true;
    const { batchId } = this.update;
    const id = privateId(batchId, this.#holder);
    const document = await findBatch(this.db, id);
    const ofSender = { heldFor: batchId, heldBy: this.#holder };
    const written = await this.held.hold(this.db, document, { ...this.update, batchId: id }, ofSender);
    this.#isHeld = written !== 'conflict';
    return false;
  }

  /** The update was applied after all: its batch was registered meanwhile. */
  async release(): Promise<void> {
    if (!this.#isHeld || this.#holder === null) return;
    const document = await findBatch(this.db, privateId(this.update.batchId, this.#holder));
    if (document !== null) await this.held.remove(this.db, document);
  }
}

/**
 * Applies what is held for the user who registers, or for every user where an admin registers. Only to batches of the generation
 * that they are registered for: another user may have got one of them first, or after the file was deleted.
 */
export async function takePrivatelyHeld(
  db: Models,
  held: HeldUpdates,
  { generation }: Pick<FileDoc, 'generation'>,
  { batches, by }: PendingRegistration,
  now: Date,
): Promise<BatchId[]> {
  const $in = batches.map(({ batchId }) => batchId);
  const documents = await findBatchesWhere(db, { heldFor: trusted({ $in }) });
  const taken = documents.filter(
    (document) => takesHeld(by, holderIn(document.batchId)) && !held.isExpired(document, now.getTime()),
  );
  for (const document of taken) await takeOne(db, held, generation, document, now);
  return taken.map(({ heldFor }) => heldFor ?? '');
}

async function takeOne(
  db: Models,
  held: HeldUpdates,
  generation: Generation,
  first: StoredBatch,
  now: Date,
): Promise<void> {
  let document: StoredBatch | null = first;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (document === null) return;
    const update = await heldUpdate(db, document);
    const batch = await findBatch(db, document.heldFor ?? '');
    if (batch?.generation !== generation) return;
    if (update !== null) {
      const sentBy = holderIn(document.batchId);
      const written = await applyUpdate(db, batch, update, now, { sentBy });
      if (written !== 'conflict' && (await held.remove(db, document))) return;
    }
    document = await findBatch(db, first.batchId);
  }
  throw unavailable('too many updates of one batch at once');
}

/**
 * Takes a batch out of a generation that never was, and holds its list for the user whose updates came into it, or else for any
 * registration, as it was before.
 */
export async function holdAgain(
  db: Models,
  held: HeldUpdates,
  generation: Generation,
  batchId: BatchId,
  holder: UserId,
): Promise<void> {
  const sender = { userId: holder, files: [], isAdmin: false };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const batch = await findBatch(db, batchId);
    if (batch?.generation !== generation) return;
    const update = await heldUpdate(db, { ...batch, heldFor: batchId });
    if (update === null) continue;
    const holding = new Holding(db, held, update, sender);
    while (!(await holding.hold(null)));
    if (await held.remove(db, batch)) return;
  }
  throw unavailable('too many updates of one batch at once');
}

/** What a document holds, as an update of its batch; null: the document has changed since it was read. */
async function heldUpdate(db: Models, document: StoredBatch): Promise<Update | null> {
  const positions = Array.from({ length: document.length }, (_, position) => position);
  const placed = await resultsAt(db, document, positions);
  if (placed === null) return null;
  return {
    batchId: document.heldFor ?? '',
    fileId: null,
    requestId: null,
    totalBatches: null,
    isComplete: document.complete,
    failure: document.failure,
    totalEmails: document.totalEmails,
    processedCount: document.processedCount,
    results: placed.flatMap(({ doc }) => {
      const result = readResult(JSON.parse(toJson(doc)));
      return typeof result === 'string' ? [] : [result];
    }),
  };
}
