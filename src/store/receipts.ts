import type { FileId } from '../domain/id.js';

/** A claim to the right to submit a list under an `Idempotency-Key`. */
export interface ReceiptClaim {
  readonly fileId: FileId;
  readonly key: string;
  /** Of the list: the same key with another list is a mistake of the caller. */
  readonly fingerprint: string;
  /** Names this attempt: only the owner can complete the claim. */
  readonly owner: string;
  /** After this time an owner that has not completed its claim counts as dead, and the key can be claimed again. */
  readonly leaseMs: number;
  /** How long the answer is kept, from the claim on. */
  readonly keepMs: number;
}

export type ReceiptState =
  | { readonly state: 'mine' | 'under way' | 'another list' }
  | { readonly state: 'answered'; readonly answer: string };

/** What was answered to submissions that name a key, so that a repeated one is answered alike. */
export interface ReceiptStore {
  /** Takes the key, unless another owner has it: of several that claim it at once, one gets it. */
  claim(receipt: ReceiptClaim): Promise<ReceiptState>;
  /** Keeps the answer; null: nothing was submitted, and the key is free again. A no-op for all but the owner. */
  complete(receipt: ReceiptClaim, answer: string | null): Promise<void>;
}

/** A receipt as it is stored; times in milliseconds since 1970. */
export interface StoredReceipt {
  readonly fingerprint: string;
  /** Null: under way. */
  readonly answer: string | null;
  readonly leaseUntil: number;
  readonly expiresAt: number;
}

/** What a claim comes to; `mine`: the key is free, and the stored receipt, if there is one, has to go. */
export function decideClaim(
  stored: StoredReceipt | null,
  { fingerprint }: ReceiptClaim,
  now: number,
): ReceiptState {
  if (stored === null || stored.expiresAt <= now) return { state: 'mine' };
  if (stored.fingerprint !== fingerprint) return { state: 'another list' };
  if (stored.answer !== null) return { state: 'answered', answer: stored.answer };
  return { state: stored.leaseUntil > now ? 'under way' : 'mine' };
}
