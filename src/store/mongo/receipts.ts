import type { ReceiptClaim, ReceiptState } from '../receipts.js';
import type { ReceiptDoc } from './documents.js';
import { isDuplicate, unavailable } from './errors.js';
import type { Models } from './models.js';

/** Others may be faster a few times, not for ever. */
const ATTEMPTS = 20;

const idOf = ({ fileId, key }: Pick<ReceiptClaim, 'fileId' | 'key'>): string => JSON.stringify([fileId, key]);

/** Of several gateways that claim a key at once, one gets it: its document is there once. */
export async function claimReceipt(db: Models, receipt: ReceiptClaim): Promise<ReceiptState> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = Date.now();
    const known = await db.receipts.findById(idOf(receipt)).lean<ReceiptDoc>().exec();
    if (known === null) {
      if (await insertReceipt(db, receipt, now)) return { state: 'mine' };
      continue;
    }
    // The database removes what has expired when it finds the time.
    const isOver = known.expireAt.getTime() <= now;
    if (!isOver) {
      if (known.fingerprint !== receipt.fingerprint) return { state: 'another list' };
      if (known.answer !== null) return { state: 'answered', answer: known.answer };
      if (known.leaseUntil.getTime() > now) return { state: 'under way' };
    }
    await db.receipts.deleteOne({ _id: known._id, owner: known.owner, answer: known.answer });
  }
  throw unavailable('too many submissions under one key at once');
}

async function insertReceipt(db: Models, receipt: ReceiptClaim, now: number): Promise<boolean> {
  const { fileId, fingerprint, owner, leaseMs, keepMs } = receipt;
  const leaseUntil = new Date(now + leaseMs);
  const expireAt = new Date(now + keepMs);
  const doc = { _id: idOf(receipt), fileId, fingerprint, owner, answer: null, leaseUntil, expireAt };
  try {
    await db.receipts.insertMany([doc], { lean: true });
    return true;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return false;
  }
}

export async function completeReceipt(
  db: Models,
  receipt: ReceiptClaim,
  answer: string | null,
): Promise<void> {
  const mine = { _id: idOf(receipt), owner: receipt.owner };
  if (answer === null) await db.receipts.deleteOne(mine);
  else await db.receipts.updateOne(mine, { $set: { answer } });
}

export const dropReceipts = (db: Models, fileId: string): Promise<unknown> =>
  db.receipts.deleteMany({ fileId }).exec();
