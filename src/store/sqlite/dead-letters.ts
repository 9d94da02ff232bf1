/** Dead letters in SQLite. */
import type { BatchId, FileId } from '../../domain/id.js';
import { type DeadLetterRecord, deadLetterOf, HEAD_BYTES } from '../dead-letter-records.js';
import type { DeadLetter, DeadLetterQuery } from '../dead-letters.js';
import { batchOf } from './batches/batches.js';
import type { Database } from './database.js';
import { findGeneration } from './generations.js';

/** With the id below which dead letters have expired. */
type UnexpiredQuery = DeadLetterQuery & { readonly expiry: string };

interface DeadLetterRow {
  id: string;
  inlet: string;
  reason: Buffer;
  truncated: number;
  head: Buffer;
  tail: Buffer;
}

/** Expired dead letters that are deleted in one go: other writes wait meanwhile. */
const EXPIRED_AT_ONCE = 16;

/** Keeps a dead letter; the oldest ones are deleted where there is no room for it. */
export function addDeadLetter(
  db: Database,
  record: DeadLetterRecord,
  expiry: string,
  maxBytes: number,
): void {
  dropExpiredDeadLetters(db, expiry);
  db.insert('dead_letters', {
    ...record,
    truncated: Number(record.truncated),
    fileId: record.fileId ?? fileOfBatch(db, record.batchId),
  });
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

/** Looked up when the dead letter is added: the batches of a replaced request are forgotten a day later. */
function fileOfBatch(db: Database, batchId: BatchId | null): FileId | null {
  const batch = batchId === null ? undefined : batchOf(db, batchId);
  return batch === undefined ? null : (findGeneration(db, batch.generation)?.fileId ?? null);
}

const discardDeadLetter = (db: Database, id: string): boolean =>
  db.run('DELETE FROM dead_letters WHERE id = ?', id).changes > 0;

/** Deletes some; answers with their number. */
const dropExpiredDeadLetters = (db: Database, expiry: string): number =>
  db.run(
    `DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters WHERE id < ? LIMIT ${EXPIRED_AT_ONCE})`,
    expiry,
  ).changes;

/** Discards the dead letters that name a file or a batch of any of its generations; answers with their number. */
export function discardDeadLettersOfFile(db: Database, fileId: FileId): number {
  const ofFile = db.run('DELETE FROM dead_letters WHERE fileId = ?', fileId).changes;
  // Usually there are none, and a file may have had a million batches.
  if (db.get('SELECT 1 AS some FROM dead_letters WHERE batchId IS NOT NULL LIMIT 1') === undefined)
    return ofFile;
  const generations = db.all<{ generation: number }>(
    `SELECT generation FROM generations WHERE fileId = ?1 AND state = 0
     UNION ALL SELECT generation FROM generations WHERE fileId = ?1 AND state <> 0`,
    fileId,
  );
  const ofBatches =
    'DELETE FROM dead_letters WHERE batchId IN (SELECT batchId FROM batches WHERE generation = ?)';
  return generations.reduce((sum, { generation }) => sum + db.run(ofBatches, generation).changes, ofFile);
}

// Read as bytes: the driver ends a text at its first NUL.
const COLUMNS = 'id, inlet, CAST(reason AS BLOB) AS reason, truncated, CAST(head AS BLOB) AS head';
const WITHOUT_TAIL = `${COLUMNS}, x'' AS tail`;
const WHOLE = `${COLUMNS}, CAST(tail AS BLOB) AS tail`;

/** Newest first. Columns that are not shown are not read from the disk. */
function listDeadLetters(db: Database, { limit, after, payloadBytes, expiry }: UnexpiredQuery): DeadLetter[] {
  const columns = payloadBytes > HEAD_BYTES ? WHOLE : WITHOUT_TAIL;
  const [older, binds] = after === null ? ['', [expiry]] : ['AND id < ?', [expiry, after]];
  const rows = db.all<DeadLetterRow>(
    `SELECT ${columns} FROM dead_letters WHERE id >= ? ${older} ORDER BY id DESC LIMIT ?`,
    ...binds,
    limit,
  );
  return rows.map((row) => deadLetterOf(textOf(row), payloadBytes));
}

function findDeadLetter(db: Database, id: string): DeadLetter | null {
  const row = db.get<DeadLetterRow>(`SELECT ${WHOLE} FROM dead_letters WHERE id = ?`, id);
  return row === undefined ? null : deadLetterOf(textOf(row));
}

const textOf = ({ truncated, reason, head, tail, ...row }: DeadLetterRow) => ({
  ...row,
  reason: Buffer.from(reason).toString(),
  truncated: truncated === 1,
  head: Buffer.from(head).toString(),
  tail: Buffer.from(tail).toString(),
});

export const deadLetterWrites = { discard: discardDeadLetter, dropExpired: dropExpiredDeadLetters };
export const deadLetterReads = { list: listDeadLetters, find: findDeadLetter };
