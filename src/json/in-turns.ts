/** Parses large JSON objects in pieces, so that updates, events and other requests have their turns in between. */

import { setImmediate } from 'node:timers/promises';
import { type Piece, piecesOf, textIn } from './pieces.js';
import { checkDepth, notAnObject, notJson } from './scan.js';

/** Bodies up to this size are parsed at once: no shape of them takes more than a few milliseconds. */
export const SMALL_BYTES = 64 * 1024;
const LONG_BYTES = 1024 * 1024;
/** Values of members that are parsed in one turn, in bytes. */
const TURN_BYTES = 64 * 1024;

/** The pieces of an object; between them, the event loop gets its turns. @throws InvalidInput where it cannot be cut */
export async function* piecesInTurns(bytes: Uint8Array): AsyncGenerator<Piece, void, void> {
  let turnStart = 0;
  for (const piece of piecesOf(bytes)) {
    // Finding the end of a long text was work enough for a turn.
    if (piece.end - piece.start > LONG_BYTES) await setImmediate();
    yield piece;
    if (piece.kind !== 'entries' && piece.end - turnStart < TURN_BYTES) continue;
    turnStart = piece.end;
    await setImmediate();
  }
}

/** Parses JSON text, a piece of it or all. @throws InvalidInput which does not quote the text, as the parser's error would */
export function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}

/** Parses an object. @throws InvalidInput where it is none, is nested too deeply, or has too many values */
export async function parseObject(bytes: Uint8Array): Promise<object> {
  if (bytes.byteLength > SMALL_BYTES) return parseLargeObject(bytes);
  checkDepth(bytes);
  const value = parseText(textIn(bytes, 0, bytes.byteLength));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAnObject();
  return value;
}

async function parseLargeObject(bytes: Uint8Array): Promise<object> {
  // The last member of a name counts, as in JSON.parse.
  const members = new Map<string, unknown>();
  let entries: unknown[] = [];
  for await (const { kind, key, start, end } of piecesInTurns(bytes)) {
    if (kind === 'list') {
      entries = [];
      members.set(key, entries);
    } else if (kind === 'entries') {
      for (const entry of parseText(`[${textIn(bytes, start, end)}]`) as unknown[]) entries.push(entry);
    } else if (kind === 'value') members.set(key, parseText(textIn(bytes, start, end)));
  }
  return Object.fromEntries(members);
}
