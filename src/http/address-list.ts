/** Reads the addresses of a submission without blocking the event loop. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type FieldError, InvalidInput, MAX_FIELD_ERRORS } from '../domain/invalid-input.js';

/** Entries read before the event loop gets a turn for updates, events and other requests. */
const ENTRIES_PER_TURN = 2_000;

export interface AddressList {
  readonly emails: readonly string[];
  /** Entries that are the same text as an earlier one. */
  readonly repeats: number;
  /** SHA-256 of the list, to tell it from another one. */
  readonly digest: string;
}

/**
 * Keeps every address as it is, blanks and repeats too; only lone surrogates, which UTF-8 cannot encode, are replaced.
 * @throws InvalidInput naming the entries that are no text
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
      if (errors.length >= MAX_FIELD_ERRORS) throw new InvalidInput(errors);
    }
    hash.update(JSON.stringify(slice));
  }
  if (errors.length > 0) throw new InvalidInput(errors);
  return { emails, repeats: emails.length - distinct.size, digest: hash.digest('base64url') };
}
