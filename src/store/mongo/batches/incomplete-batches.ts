/** Finds the batches that have not ended, and marks those that have been silent for too long. */

import { trusted } from 'mongoose';
import type { BatchId, FileId } from '../../../domain/id.js';
import { portions } from '../../../portions.js';
import { batchesByFile } from '../../grouped.js';
import type { IncompleteBatches, IncompleteQuery, Silence, StalledBatches } from '../../store.js';
import type { StoredBatch } from '../documents/batches.js';
import { filesOfGenerations, type GenerationFile } from '../generations.js';
import { findFields, type Models } from '../models.js';
import { findBatchesWhere } from './batch-docs.js';
import { markStalled } from './write-batch.js';

/** Batches marked by one call; the next call takes the next ones. */
const STALLS_AT_ONCE = 1_000;
const WRITES_AT_ONCE = 100;

/** Batches that have not ended, in the order of their ids; answered from an index alone. */
export async function incompleteBatches(
  db: Models,
  { limit, after }: IncompleteQuery,
): Promise<IncompleteBatches> {
  const incomplete = { complete: false, batchId: trusted({ $gt: after ?? '' }) };
  const found = await findFields(db.batches, incomplete, ['batchId', 'generation', 'status'], {
    sort: { batchId: 1 },
    limit,
  });
  const files = await filesOfGenerations(
    db,
    found.map(({ generation }) => generation),
  );
  const batches = found.flatMap(({ batchId, generation, status }) => {
    const file = files.get(generation ?? '');
    if (file === undefined || status === 'completed' || status === 'failed') return [];
    return [{ fileId: file.fileId, batchId, status }];
  });
  return { batches, next: found.length < limit ? null : (found.at(-1)?.batchId ?? null) };
}

/** Marks the silent batches, as `UpdateStore.markStalled` says. Of several gateways that call it at once, one marks a batch. */
export async function markStalledBatches(
  db: Models,
  { begunBefore, queuedBefore }: Silence,
): Promise<StalledBatches[]> {
  const begun = await silentBatches(db, begunBefore, true, () => true);
  const queued = await silentBatches(db, queuedBefore, false, (file) => isSilent(db, file, queuedBefore));
  const stalled: { fileId: FileId; batchId: BatchId }[] = [];
  const silent = [...begun, ...queued].slice(0, STALLS_AT_ONCE);
  for (const some of portions(silent, WRITES_AT_ONCE)) {
    const marked = await markStalled(db, some);
    stalled.push(...marked.map(({ fileId, batchId }) => ({ fileId: fileId ?? '', batchId })));
  }
  return batchesByFile(stalled);
}

/** Open batches without an update since a time, of those current files that pass. */
async function silentBatches(
  db: Models,
  since: number,
  begun: boolean,
  passes: (file: GenerationFile) => boolean | Promise<boolean>,
): Promise<StoredBatch[]> {
  const silent = { open: true, begun, lastUpdated: trusted({ $lt: new Date(since) }) } as const;
  const generations = await db.batches.distinct('generation', silent).exec();
  const passing: string[] = [];
  for (const file of (await filesOfGenerations(db, generations)).values())
    if (await passes(file)) passing.push(file.generation);
  if (passing.length === 0) return [];
  return findBatchesWhere(
    db,
    { ...silent, generation: trusted({ $in: passing }) },
    { sort: { lastUpdated: 1 }, limit: STALLS_AT_ONCE },
  );
}

/** Whether a file as a whole is silent: no update of any of its batches, and no registration. */
async function isSilent(
  db: Models,
  { generation, lastUpdated }: GenerationFile,
  since: number,
): Promise<boolean> {
  if (lastUpdated.getTime() >= since) return false;
  // The file's time follows when its changes are announced, and an update that only repeats what is known has none.
  const updated = await db.batches.exists({ generation, lastUpdated: trusted({ $gte: new Date(since) }) });
  return updated === null;
}
