/** Notes batches of a request that is over, so that their updates are recognised, and drops what is held for them. */

import { randomUUID } from 'node:crypto';
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { BatchId } from '../../../domain/id.js';
import { type Claimant, takesHeld } from '../../../domain/ownership.js';
import { TOMBSTONE_MS } from '../../attribution.js';
import type { Registration } from '../../store.js';
import { type ExistingBatch, findBatchesWhere } from '../batches/batch-docs.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { writeBatchTombstones } from '../clean-up/clean-generation.js';
import type { Models } from '../models.js';

/**
 * `known`: those of the batches that have a document, of a file or with held updates. The tombstones come first: an update that is
 * being held meanwhile either changes its document, which is then found, or finds them itself.
 */
export async function endUnknownBatches(
  db: Models,
  held: HeldUpdates,
  { fileId, requestId, batches }: Registration,
  claimant: Claimant,
  known: ReadonlyMap<BatchId, ExistingBatch>,
): Promise<void> {
  const ids = new Set(batches.map(({ batchId }) => batchId));
  const unknown = [...ids].filter((batchId) => (known.get(batchId)?.generation ?? null) === null);
  if (unknown.length === 0) return;
  const generation = randomUUID();
  const endedAt = clock.date();
  const expireAt = new Date(endedAt.getTime() + TOMBSTONE_MS);
  const request = { _id: generation, fileId, requestId, endedAt, expireAt, removed: false, cleaned: true };
  await db.tombstones.insertMany([request], { lean: true });
  await writeBatchTombstones(
    db,
    unknown.map((batchId) => ({ _id: batchId, generation, requestId, expireAt })),
  );
  await dropHeld(db, held, unknown, claimant);
}

async function dropHeld(
  db: Models,
  held: HeldUpdates,
  batchIds: readonly BatchId[],
  claimant: Claimant,
): Promise<void> {
  const ofBatches = trusted({ $in: [...batchIds] });
  for (;;) {
    const found = await findBatchesWhere(db, {
      held: true,
      $or: [{ batchId: ofBatches }, { heldFor: ofBatches }],
    });
    const dropped = found.filter(({ heldBy }) => takesHeld(claimant, heldBy ?? null));
    if (dropped.length === 0) return;
    for (const document of dropped) await held.remove(db, document);
  }
}
