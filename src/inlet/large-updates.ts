/** Reads updates that are too large to be parsed in one turn of the event loop. */

import { type FieldError, InvalidInput, MAX_FIELD_ERRORS } from '../domain/invalid-input.js';
import { MAX_RESULTS, readEnvelope, tooManyResults, updateOf } from '../domain/read-update.js';
import { type Result, readResult, resultError } from '../domain/result.js';
import type { Update } from '../domain/update.js';
import { parseText, piecesInTurns } from '../json/in-turns.js';
import { textIn } from '../json/pieces.js';

const LIST = 'validatedEmails';

interface LargeUpdate {
  readonly update: Update;
  /** Where the entries of its list are in the bytes; null: it has none. */
  readonly list: { readonly start: number; readonly end: number } | null;
}

/** @throws InvalidInput as `parseUpdate` does */
export async function readLargeUpdate(bytes: Uint8Array): Promise<LargeUpdate> {
  const start = BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte) ? BYTE_ORDER_MARK.length : 0;
  const text = bytes.subarray(start);
  const members = new Map<string, unknown>();
  let results = new Results();
  let list: LargeUpdate['list'] = null;
  for await (const { kind, key, ...piece } of piecesInTurns(text)) {
    if (kind === 'value') members.set(key, parseText(textIn(text, piece.start, piece.end)));
    else if (key !== LIST) {
      // No member that counts: whether it is JSON has to be found out.
      if (kind === 'list') members.set(key, []);
      else if (kind === 'entries') parseText(`[${textIn(text, piece.start, piece.end)}]`);
    } else if (kind === 'list') {
      // The last member of a name counts, as in JSON.parse.
      results = new Results();
      members.set(key, []);
      list = { start: start + piece.start, end: start + piece.start };
    } else if (kind === 'entries') {
      for (const entry of piece.entries) results.add(textIn(text, entry.start, entry.end));
    } else if (list !== null) list = { start: list.start, end: start + piece.start };
  }
  const envelope = readEnvelope(Object.fromEntries(members));
  const isList = Array.isArray(members.get(LIST));
  return { update: updateOf(envelope, isList ? results.all() : []), list: isList ? list : null };
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

class Results {
  readonly #results: Result[] = [];
  readonly #errors: FieldError[] = [];
  #count = 0;

  add(text: string): void {
    const index = this.#count++;
    if (index >= MAX_RESULTS) throw tooManyResults();
    const result = readResult(parseText(text), text);
    if (typeof result !== 'string') this.#results.push(result);
    else if (this.#errors.length < MAX_FIELD_ERRORS) this.#errors.push(resultError(index, result));
  }

  /** @throws InvalidInput naming the entries that are no results */
  all(): readonly Result[] {
    if (this.#errors.length > 0) throw new InvalidInput(this.#errors);
    return this.#results;
  }
}
