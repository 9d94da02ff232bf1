/** Finds the file and the batch of a message that cannot be read as an update, so that it can be deleted with its file. */
import { type BatchId, type FileId, isId } from './id.js';

export interface MessageIds {
  readonly fileId: FileId | null;
  readonly batchId: BatchId | null;
}

/** Of a larger message, only this many characters at its beginning and a few at its end are searched. */
const SEARCHED_START = 8 * 2 ** 20;
export const SEARCHED_END = 2 ** 16;
/** A longer text is searched and not parsed: it may be nested so deeply that parsing it would hold up the process. */
const PARSED = 2 ** 16;
/**
 * Matches a key with its string anywhere in a text. The search takes linear time: every repetition is bounded, and each text has
 * one reading. With a second one of `\u0041`, as `\u` and four characters, an id without end would take for ever.
 */
const idPattern = (key: string) =>
  new RegExp(`"${key}"\\s{0,64}:\\s{0,64}"((?:[^"\\\\]|\\\\(?:u[\\da-fA-F]{4}|[^u])){1,256})"`);
const FILE_ID = idPattern('fileId');
const BATCH_ID = idPattern('batchId');

/** The ids in a message, whether or not it is JSON or an update. */
export function idsIn(payload: string): MessageIds {
  const text =
    payload.length > SEARCHED_START + SEARCHED_END
      ? `${payload.slice(0, SEARCHED_START)}\n${payload.slice(-SEARCHED_END)}`
      : payload;
  const value = parseShort(text);
  // Some producers serialise twice.
  if (typeof value === 'string') return idsOf(parseShort(value), value);
  return idsOf(value, text);
}

function idsOf(value: unknown, text: string): MessageIds {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return {
    fileId: idOrNull(fields.fileId) ?? idOrNull(search(FILE_ID, text)),
    batchId: idOrNull(fields.batchId) ?? batchIdIn(text),
  };
}

/** The first batch id in a text, which may be JSON or a part of it. */
export const batchIdIn = (text: string): BatchId | null => idOrNull(search(BATCH_ID, text));

const search = (pattern: RegExp, text: string): unknown => parse(`"${pattern.exec(text)?.[1] ?? ''}"`);

const idOrNull = (value: unknown): string | null => (isId(value) ? value : null);

/** A text in JSON is parsed, however long it is: nothing is nested in it. */
const parseShort = (text: string): unknown =>
  text.length <= PARSED || /^\s{0,64}"/.test(text) ? parse(text) : undefined;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Most of these messages are no JSON: then the text is searched.
    return undefined;
  }
}
