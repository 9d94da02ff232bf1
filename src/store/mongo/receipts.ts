import { clock } from '../../clock.js';
import type { FileId } from '../../domain/id.js';
import { decideClaim, type ReceiptClaim, type ReceiptState } from '../receipts.js';
import type { ReceiptDoc } from './documents.js';
import { unavailable } from './errors.js';
import { insertIfNew, type Models } from './models.js';

/** How often a claim is tried again because another one was faster. */
const ATTEMPTS = 20;

const idOf = ({ fileId, key }: ReceiptClaim): string => JSON.stringify([fileId, key]);

/** Answers to submissions that name an `Idempotency-Key`, in MongoDB. Its unique id gives a key to one claim only. */
export async function claimReceipt(db: Models, receipt: ReceiptClaim): Promise<ReceiptState> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = clock.now();
    const doc = await db.receipts.findById(idOf(receipt)).lean<ReceiptDoc>().exec();
    if (doc === null) {
      if (await insertIfNew(db.receipts, newReceipt(receipt, now))) return { state: 'mine' };
      continue;
    }
    // The database removes expired receipts late, so this one may be expired.
    const stored = { ...doc, leaseUntil: doc.leaseUntil.getTime(), expiresAt: doc.expireAt.getTime() };
    const decision = decideClaim(stored, receipt, now);
    if (decision.state !== 'mine') return decision;
    await db.receipts.deleteOne({ _id: doc._id, owner: doc.owner, answer: doc.answer });
  }
  throw unavailable('too many submissions under one key at once');
}

function newReceipt(receipt: ReceiptClaim, now: number): ReceiptDoc {
  const { fileId, fingerprint, owner, leaseMs, keepMs } = receipt;
  const leaseUntil = new Date(now + leaseMs);
  const expireAt = new Date(now + keepMs);
  return { _id: idOf(receipt), fileId, fingerprint, owner, answer: null, leaseUntil, expireAt };
}

/** `answer` null: the key is free again. Changes nothing where the key has another owner. */
export async function completeReceipt(
  db: Models,
  receipt: ReceiptClaim,
  answer: string | null,
): Promise<void> {
  const owned = { _id: idOf(receipt), owner: receipt.owner };
  if (answer === null) await db.receipts.deleteOne(owned);
  else await db.receipts.updateOne(owned, { $set: { answer } });
}

export const dropReceipts = (db: Models, fileId: FileId): Promise<unknown> =>
  db.receipts.deleteMany({ fileId }).exec();
