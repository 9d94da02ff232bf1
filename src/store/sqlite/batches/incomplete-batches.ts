/** Finds the batches that have not ended, and marks those that have been silent for too long. */

import type { FileId } from '../../../domain/id.js';
import { batchesByFile } from '../../grouped.js';
import type { IncompleteBatches, IncompleteQuery, Silence, StalledBatches } from '../../store.js';
import type { Database } from '../database.js';
import { type BatchRow, writeProgress } from './batches.js';

/** Batches marked by one call; the next call takes the next ones. */
const STALLS_AT_ONCE = 1_000;
/** Batches that one call reads to find those that have not ended. */
const READ_AT_ONCE = 10_000;

/** Marks the silent batches, as `UpdateStore.markStalled` says. */
export function markStalledBatches(db: Database, silence: Silence): StalledBatches[] {
  const silent = db.all<BatchRow & { fileId: FileId }>(
    `SELECT b.*, g.fileId FROM batches b JOIN generations g ON g.generation = b.generation
     WHERE b.open = 1 AND g.state = 0 AND b.lastUpdateAt < max(?1, ?2)
       AND ((b.begun = 1 AND b.lastUpdateAt < ?1) OR (b.begun = 0 AND b.lastUpdateAt < ?2 AND g.lastMessageAt < ?2))
     ORDER BY b.lastUpdateAt LIMIT ${STALLS_AT_ONCE}`,
    silence.begunBefore,
    silence.queuedBefore,
  );
  for (const row of silent) {
    // The time of its last update stays: it says since when the batch is silent.
    writeProgress(db, row, { stalled: true });
    // So does that of the file: else its waiting batches would get their time anew.
    db.run('UPDATE generations SET changes = changes + 1 WHERE generation = ?', row.generation);
  }
  return batchesByFile(silent);
}

/**
 * Batches that have not ended, in the order of registration. Without an index: an embedded gateway, which has no validator's
 * keys to look batches up at, does not call it.
 */
export function incompleteBatches(db: Database, { limit, after }: IncompleteQuery): IncompleteBatches {
  const from = Number(after ?? 0);
  const rows = db.all<IncompleteBatches['batches'][number] & { readonly number: number }>(
    `SELECT b.number, g.fileId, b.batchId, b.status FROM batches b JOIN generations g ON g.generation = b.generation
     WHERE b.number > ?1 AND b.number <= ?2 AND b.status IN ('waiting', 'running', 'stalled') AND g.state = 0
     ORDER BY b.number LIMIT ?3`,
    from,
    from + READ_AT_ONCE,
    limit,
  );
  const batches = rows.map(({ fileId, batchId, status }) => ({ fileId, batchId, status }));
  const upTo = rows.length === limit ? (rows.at(-1)?.number ?? from) : from + READ_AT_ONCE;
  const last = db.get<{ number: number }>('SELECT max(number) AS number FROM batches')?.number ?? 0;
  return { batches, next: upTo < last ? String(upTo) : null };
}
