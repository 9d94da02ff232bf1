import { isId } from './id.js';

/** Whose a message is, as far as it says so. */
export interface MessageIds {
  readonly fileId: string | null;
  readonly batchId: string | null;
}

/** Of a message that is larger, only this much of its beginning, and a little of its end, is looked at. */
const LOOKED_AT = 8 * 2 ** 20;
const END = 2 ** 16;
/** A key and its text, wherever they stand; bounded, so that no message makes it look twice at much. */
const PAIR = (key: string) =>
  new RegExp(`"${key}"\\s{0,64}:\\s{0,64}"((?:[^"\\\\]|\\\\(?:u[\\da-fA-F]{4}|.)){1,256})"`);
const FILE = PAIR('fileId');
const BATCH = PAIR('batchId');

/** The ids that a message gives, although it is no update or not read as one. */
export function idsIn(payload: string): MessageIds {
  const text =
    payload.length > LOOKED_AT + END ? `${payload.slice(0, LOOKED_AT)}\n${payload.slice(-END)}` : payload;
  const value = parse(text);
  // Some producers serialise twice.
  if (typeof value === 'string') return namesOf(parse(value), value);
  return namesOf(value, text);
}

function namesOf(value: unknown, text: string): MessageIds {
  const said = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return {
    fileId: idOf(said.fileId) ?? idOf(found(FILE, text)),
    batchId: idOf(said.batchId) ?? batchIdIn(text),
  };
}

/** The first batch id that stands in a text, be it JSON or a piece of it. */
export const batchIdIn = (text: string): string | null => idOf(found(BATCH, text));

const found = (pair: RegExp, text: string): unknown => parse(`"${pair.exec(text)?.[1] ?? ''}"`);

const idOf = (value: unknown): string | null => (isId(value) ? value : null);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It is here because nobody can read it.
    return undefined;
  }
}
