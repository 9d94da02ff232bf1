import { type DeadLetterRecord, deadLetterOf, HEAD_BYTES } from '../dead-letter-records.js';
import type { DeadLetter, DeadLetterQuery } from '../dead-letters.js';
import { batchOf } from './batches.js';
import type { Database } from './database.js';
import { findGeneration } from './generations.js';

export interface LetterQuery extends DeadLetterQuery {
  /** Letters with ids below it are over. */
  readonly expiry: string;
}

interface Row {
  id: string;
  inlet: string;
  reason: string;
  truncated: number;
  head: Buffer;
  tail: Buffer;
}

/** Keeps a letter; the oldest go where there is no room for it. */
export function addDeadLetter(
  db: Database,
  record: DeadLetterRecord,
  expiry: string,
  maxBytes: number,
): void {
  dropExpiredDeadLetters(db, expiry);
  db.run(
    `INSERT INTO dead_letters (id, inlet, reason, truncated, bytes, file_id, batch_id, head, tail)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    record.id,
    record.inlet,
    record.reason,
    Number(record.truncated),
    record.bytes,
    record.fileId ?? fileOfBatch(db, record.batchId),
    record.batchId,
    record.head,
    record.tail,
  );
  let bytes = db.get<{ bytes: number }>('SELECT bytes FROM dead_letters_total')?.bytes ?? 0;
  while (bytes > maxBytes) {
    const oldest = db.get<{ id: string; bytes: number }>(
      'SELECT id, bytes FROM dead_letters ORDER BY id LIMIT 1',
    );
    if (oldest === undefined) return;
    discardDeadLetter(db, oldest.id);
    bytes -= oldest.bytes;
  }
}

/** Asked now: in a day nobody remembers the batches of a request that was replaced. */
function fileOfBatch(db: Database, batchId: string | null): string | null {
  const batch = batchId === null ? undefined : batchOf(db, batchId);
  return batch === undefined ? null : (findGeneration(db, batch.generation)?.file_id ?? null);
}

export const discardDeadLetter = (db: Database, id: string): boolean =>
  db.run('DELETE FROM dead_letters WHERE id = ?', id).changes > 0;

/** Answers with how many there were. */
export const dropExpiredDeadLetters = (db: Database, expiry: string): number =>
  db.run('DELETE FROM dead_letters WHERE id < ?', expiry).changes;

/** Discards the letters that name a file, or a batch of any generation of it; answers with how many there were. */
export function discardDeadLettersOfFile(db: Database, fileId: string): number {
  const generations = db.all<{ generation: number }>(
    `SELECT generation FROM generations WHERE file_id = ?1 AND state = 0
     UNION ALL SELECT generation FROM generations WHERE file_id = ?1 AND state <> 0`,
    fileId,
  );
  const ofBatches =
    'DELETE FROM dead_letters WHERE batch_id IN (SELECT batch_id FROM batches WHERE generation = ?)';
  return generations.reduce(
    (sum, { generation }) => sum + db.run(ofBatches, generation).changes,
    db.run('DELETE FROM dead_letters WHERE file_id = ?', fileId).changes,
  );
}

// As text, the driver would end them at their first NUL.
const COLUMNS = 'id, inlet, reason, truncated, CAST(head AS BLOB) AS head';
const WITHOUT_TAIL = `${COLUMNS}, x'' AS tail`;
const WHOLE = `${COLUMNS}, CAST(tail AS BLOB) AS tail`;

/** Newest first. The columns of what is not shown are not read from the disk. */
export function listDeadLetters(
  db: Database,
  { limit, after, payloadBytes, expiry }: LetterQuery,
): DeadLetter[] {
  const columns = payloadBytes > HEAD_BYTES ? WHOLE : WITHOUT_TAIL;
  const rows =
    after === null
      ? db.all<Row>(
          `SELECT ${columns} FROM dead_letters WHERE id >= ? ORDER BY id DESC LIMIT ?`,
          expiry,
          limit,
        )
      : db.all<Row>(
          `SELECT ${columns} FROM dead_letters WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?`,
          expiry,
          after,
          limit,
        );
  return rows.map((row) => deadLetterOf(textOf(row), payloadBytes));
}

export function findDeadLetter(db: Database, id: string): DeadLetter | null {
  const row = db.get<Row>(`SELECT ${WHOLE} FROM dead_letters WHERE id = ?`, id);
  return row === undefined ? null : deadLetterOf(textOf(row));
}

const textOf = ({ truncated, head, tail, ...row }: Row) => ({
  ...row,
  truncated: truncated === 1,
  head: Buffer.from(head).toString(),
  tail: Buffer.from(tail).toString(),
});
