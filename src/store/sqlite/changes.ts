/** What was stored and is not announced yet, read and marked in SQLite. */
import type { BatchId, FileId, Generation } from '../../domain/id.js';
import type { AnnouncedBatch, Summary } from '../../domain/summary.js';
import { statusOf } from '../batch-progress.js';
import { differenceSince, type Rewrite } from '../rewrites.js';
import type { BatchChanges, FileChanges, IncompleteBatches, Silence, Unannounced } from '../store.js';
import { type BatchRow, batchOf, progressOf, writeBatch } from './batches.js';
import type { Database } from './database.js';
import { currentGeneration, factsOf } from './generations.js';
import { resultsAt } from './results.js';

/** What was announced of a batch, and the fingerprint of the list that the caller has: that list need not be read. */
export interface KnownBatch extends AnnouncedBatch {
  readonly fingerprint?: string | undefined;
}

/** `positions`: where the changed results are in the list that the caller has; null: they are in `results`. */
type FoundBatch = BatchChanges & { readonly positions: readonly number[] | null };
export type FoundChanges = Omit<FileChanges, 'batches'> & { readonly batches: readonly FoundBatch[] };

export function changesSince(
  db: Database,
  fileId: FileId,
  announced: ReadonlyMap<BatchId, KnownBatch>,
): FoundChanges | null {
  const generation = currentGeneration(db, fileId);
  if (generation === undefined) return null;
  const batches: FoundBatch[] = [];
  for (const [batchId, known] of announced) {
    const row = batchOf(db, batchId);
    if (row?.generation === generation.generation && row.version !== known.version)
      batches.push(batchChangesOf(db, row, known));
  }
  return { facts: factsOf(generation), changes: generation.changes, batches };
}

function batchChangesOf(db: Database, row: BatchRow, announced: KnownBatch): FoundBatch {
  const { positions, isShorter } = differenceSince(
    JSON.parse(row.rewrites) as Rewrite[],
    row.length,
    announced,
  );
  const isKnown = announced.fingerprint === row.fingerprint;
  return {
    batchId: row.batch_id,
    version: row.version,
    summary: JSON.parse(row.summary) as Summary,
    results: isKnown ? [] : resultsAt(db, row, positions),
    positions: isKnown ? positions : null,
    truncated: isShorter ? { batchId: row.batch_id, length: row.length } : null,
  };
}

export function markAnnounced(
  db: Database,
  generation: Generation,
  changes: number | null,
  stats: string,
  finishedAt: number | null,
): void {
  db.run(
    'UPDATE generations SET stats = ?, announced_changes = coalesce(?, announced_changes), finished_at = ? WHERE generation = ? AND state = 0',
    stats,
    changes,
    finishedAt,
    Number(generation),
  );
}

export const findUnannounced = (db: Database): Unannounced[] =>
  db
    .all<{ file_id: string }>(
      'SELECT file_id FROM generations WHERE state = 0 AND changes <> announced_changes',
    )
    .map(({ file_id }) => ({ fileId: file_id, batchIds: [] }));

/** Silent batches looked at in one go; the next look takes the next ones. */
const STALLS_AT_ONCE = 1000;

export function markStalledBatches(db: Database, silence: Silence): { fileId: string; batchIds: string[] }[] {
  const silent = db.all<BatchRow & { file_id: string }>(
    `SELECT b.*, g.file_id FROM batches b JOIN generations g ON g.generation = b.generation
     WHERE b.open = 1 AND g.state = 0 AND b.last_news_at < max(?1, ?2)
       AND ((b.begun = 1 AND b.last_news_at < ?1) OR (b.begun = 0 AND b.last_news_at < ?2 AND g.last_heard_at < ?2))
     ORDER BY b.last_news_at LIMIT ${STALLS_AT_ONCE}`,
    silence.begunBefore,
    silence.queuedBefore,
  );
  const stalled = new Map<string, string[]>();
  for (const row of silent) {
    // The time of its news stays: it says since when the batch is silent.
    writeBatch(db, row, { ...row, version: row.version + 1, stalled: 1 }, null);
    // Nor has the file been heard of: else its waiting batches would be given their time anew.
    db.run('UPDATE generations SET changes = changes + 1 WHERE generation = ?', row.generation);
    stalled.set(row.file_id, [...(stalled.get(row.file_id) ?? []), row.batch_id]);
  }
  return [...stalled].map(([fileId, batchIds]) => ({ fileId, batchIds }));
}

/** Batches looked at, one after the other in the order of registration, to find those that have not ended. */
const LOOKED_AT = 10_000;

/** There is no index for it: nobody asks an embedded gateway, which has nowhere to look anything up. */
export function incompleteBatches(
  db: Database,
  { limit, after }: { limit: number; after: string | null },
): IncompleteBatches {
  const from = Number(after ?? 0);
  const rows = db.all<BatchRow & { file_id: string; state: number }>(
    `SELECT b.*, g.file_id, g.state FROM batches b JOIN generations g ON g.generation = b.generation
     WHERE b.number > ?1 AND b.number <= ?2 AND b.complete = 0 AND g.state = 0 ORDER BY b.number LIMIT ?3`,
    from,
    from + LOOKED_AT,
    limit,
  );
  const batches = rows.flatMap((row) => {
    const status = statusOf(progressOf(row));
    if (status === 'completed' || status === 'failed') return [];
    return [{ fileId: row.file_id, batchId: row.batch_id, status }];
  });
  const upTo = rows.length === limit ? (rows.at(-1)?.number ?? from) : from + LOOKED_AT;
  const last = db.get<{ number: number }>('SELECT max(number) AS number FROM batches')?.number ?? 0;
  return { batches, next: upTo < last ? String(upTo) : null };
}
