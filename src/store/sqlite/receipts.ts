import type { ReceiptClaim, ReceiptState } from '../receipts.js';
import type { Database } from './database.js';

interface ReceiptRow {
  fingerprint: string;
  answer: string | null;
  lease_until: number;
}

export function claimReceipt(db: Database, receipt: ReceiptClaim, now: number): ReceiptState {
  const { fileId, key, fingerprint, owner, leaseMs, keepMs } = receipt;
  db.run('DELETE FROM receipts WHERE expires_at <= ?', now);
  const known = db.get<ReceiptRow>('SELECT * FROM receipts WHERE file_id = ? AND key = ?', fileId, key);
  if (known !== undefined) {
    if (known.fingerprint !== fingerprint) return { state: 'another list' };
    if (known.answer !== null) return { state: 'answered', answer: known.answer };
    if (known.lease_until > now) return { state: 'under way' };
  }
  db.run(
    'INSERT OR REPLACE INTO receipts (file_id, key, fingerprint, owner, lease_until, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
    fileId,
    key,
    fingerprint,
    owner,
    now + leaseMs,
    now + keepMs,
  );
  return { state: 'mine' };
}

export function completeReceipt(
  db: Database,
  { fileId, key, owner }: ReceiptClaim,
  answer: string | null,
): void {
  if (answer === null)
    db.run('DELETE FROM receipts WHERE file_id = ? AND key = ? AND owner = ?', fileId, key, owner);
  else
    db.run(
      'UPDATE receipts SET answer = ? WHERE file_id = ? AND key = ? AND owner = ?',
      answer,
      fileId,
      key,
      owner,
    );
}

export const dropReceipts = (db: Database, fileId: string): unknown =>
  db.run('DELETE FROM receipts WHERE file_id = ?', fileId);
