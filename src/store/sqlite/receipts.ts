import type { FileId } from '../../domain/id.js';
import { decideClaim, type ReceiptClaim, type ReceiptState, type StoredReceipt } from '../receipts.js';
import type { Database } from './database.js';

/** Answers to submissions that name an `Idempotency-Key`, in SQLite. */
export function claimReceipt(db: Database, receipt: ReceiptClaim, now: number): ReceiptState {
  const { fileId, key, fingerprint, owner, leaseMs, keepMs } = receipt;
  db.run('DELETE FROM receipts WHERE expires_at <= ?', now);
  const stored = db.get<StoredReceipt>(
    `SELECT fingerprint, answer, lease_until AS leaseUntil, expires_at AS expiresAt
     FROM receipts WHERE file_id = ? AND key = ?`,
    fileId,
    key,
  );
  const decision = decideClaim(stored ?? null, receipt, now);
  if (decision.state === 'mine')
    db.run(
      'INSERT OR REPLACE INTO receipts (file_id, key, fingerprint, owner, lease_until, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
      ...[fileId, key, fingerprint, owner, now + leaseMs, now + keepMs],
    );
  return decision;
}

/** `answer` null: the key is free again. Changes nothing where the key has another owner. */
export function completeReceipt(
  db: Database,
  { fileId, key, owner }: ReceiptClaim,
  answer: string | null,
): void {
  const owned = 'WHERE file_id = ? AND key = ? AND owner = ?';
  if (answer === null) db.run(`DELETE FROM receipts ${owned}`, fileId, key, owner);
  else db.run(`UPDATE receipts SET answer = ? ${owned}`, answer, fileId, key, owner);
}

export const dropReceipts = (db: Database, fileId: FileId): unknown =>
  db.run('DELETE FROM receipts WHERE file_id = ?', fileId);
