/** Reads updates that are too large to be parsed in one turn of the event loop. */

import { ResultReader, readEnvelope, updateOf } from '../domain/read-update.js';
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
  let results = new ResultReader();
  let list: LargeUpdate['list'] = null;
  for await (const { kind, key, ...piece } of piecesInTurns(text)) {
    if (kind === 'value') members.set(key, parseText(textIn(text, piece.start, piece.end)));
    else if (key !== LIST) {
      // No member that counts: whether it is JSON has to be found out.
      if (kind === 'list') members.set(key, []);
      else if (kind === 'entries') parseText(`[${textIn(text, piece.start, piece.end)}]`);
    } else if (kind === 'list') {
      // The last member of a name counts, as in JSON.parse.
      results = new ResultReader();
      members.set(key, []);
      list = { start: start + piece.start, end: start + piece.start };
    } else if (kind === 'entries') {
      for (const { start, end } of piece.entries) {
        const entry = textIn(text, start, end);
        results.add(parseText(entry), entry);
      }
    } else if (list !== null) list = { start: list.start, end: start + piece.start };
  }
  const envelope = readEnvelope(Object.fromEntries(members));
  const isList = Array.isArray(members.get(LIST));
  return { update: updateOf(envelope, isList ? results.all() : []), list: isList ? list : null };
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
