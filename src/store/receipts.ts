/** Somebody's wish to submit a list under a key, once. */
export interface ReceiptClaim {
  readonly fileId: string;
  readonly key: string;
  /** Of the list: the same key with another one is a mistake. */
  readonly fingerprint: string;
  /** Who claims it: only they can settle it. */
  readonly owner: string;
  /** After this time an owner that was not heard of again has died, and the key can be claimed anew. */
  readonly leaseMs: number;
  /** How long the answer is kept, from the claim on. */
  readonly keepMs: number;
}

export type ReceiptState =
  | { readonly state: 'mine' | 'under way' | 'another list' }
  | { readonly state: 'answered'; readonly answer: string };

/** What was answered to submissions that name a key, so that a repeated one is answered alike. */
export interface ReceiptStore {
  /** Takes the key, unless somebody has it: of several that claim it at once, one gets it. */
  claim(receipt: ReceiptClaim): Promise<ReceiptState>;
  /** Keeps the answer; null: the submission came to nothing, and the key is free again. A no-op for anybody but the owner. */
  complete(receipt: ReceiptClaim, answer: string | null): Promise<void>;
}
