/** What a gateway needs to go on with a submission that another one has begun. It holds no address. */
import type { ListId, UserId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { Flags } from '../validator/validator.js';

export interface SubmissionOrder {
  /** Who submits: decides whether the file may be registered, and owns one that begins. */
  readonly claimant: Claimant;
  /** The user whose quota at the validator this counts against. */
  readonly submittedAs: UserId;
  readonly flags: Flags;
  readonly totalEmails: number;
  /** Addresses that are the same as an earlier one. */
  readonly repeats: number;
  /** The file's results may be overwritten. */
  readonly replace: boolean;
  /** The list that is submitted, and its column with the addresses; null: the addresses came with the request. */
  readonly list: { readonly listId: ListId; readonly column: number } | null;
}

export const orderToText = (order: SubmissionOrder): string => JSON.stringify(order);
export const orderFromText = (text: string): SubmissionOrder => JSON.parse(text) as SubmissionOrder;
