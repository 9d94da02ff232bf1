import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type FieldError, InvalidInput } from '../domain/invalid-input.js';

/** Addresses looked at before others get their turn: everybody's updates and events go through the same loop. */
const ENTRIES_PER_TURN = 2_000;
const MAX_ERRORS = 10;

export interface AddressList {
  readonly emails: readonly string[];
  /** Addresses that stood in the list before, to the letter. */
  readonly repeats: number;
  /** Tells one list from another. */
  readonly digest: string;
}

/**
 * Reads the entries of a list, a few at a time. Addresses go on to the letter, blanks and repeats too; only lone
 * surrogates, which no UTF-8 can carry, are replaced.
 * @throws InvalidInput naming the places where there is no text
 */
export async function readAddressList(entries: readonly unknown[]): Promise<AddressList> {
  const emails: string[] = [];
  const distinct = new Set<string>();
  const hash = createHash('sha256');
  const errors: FieldError[] = [];
  for (let start = 0; start < entries.length; start += ENTRIES_PER_TURN) {
    if (start > 0) await setImmediate();
    const slice = entries.slice(start, start + ENTRIES_PER_TURN);
    for (const [index, entry] of slice.entries()) {
      if (typeof entry === 'string') {
        const email = entry.toWellFormed();
        emails.push(email);
        distinct.add(email);
      } else errors.push({ field: `emails[${start + index}]`, message: 'must be a string' });
      if (errors.length >= MAX_ERRORS) throw new InvalidInput(errors);
    }
    hash.update(JSON.stringify(slice));
  }
  if (errors.length > 0) throw new InvalidInput(errors);
  return { emails, repeats: emails.length - distinct.size, digest: hash.digest('base64url') };
}
