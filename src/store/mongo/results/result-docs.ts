/** Converts a result to the document that MongoDB stores and back, and says what the document weighs. */
import { mongo } from 'mongoose';
import type { Result } from '../../../domain/result.js';
import { cellOf, type RiskLevel, type Status } from '../../../domain/verdict.js';
import { cellCode, searchKey } from '../../result-filter.js';

/** A result as other programs read it. */
export interface ResultDoc {
  email: string;
  status: string;
  is_valid: boolean | null;
  risk_level: string | null;
  deliverability_score: number | null;
  /** As it came. Where BSON cannot hold that: something like it, or null where it is too large; then `json` has the text. */
  details: unknown;
  json?: string;
}

type ResultHead = Omit<ResultDoc, 'json' | 'details'>;

/** A result's document, with its length as BSON in bytes. */
export interface SizedDoc {
  readonly doc: ResultDoc;
  readonly bytes: number;
}

/** BSON of an object may be some seven times as long as its JSON: details of more characters than this stay text. */
const MAX_NATIVE = 2 ** 20;
/** Servers refuse documents that are nested beyond 100 levels; a result's details begin some levels deep. */
const MAX_DEPTH = 64;

/**
 * The result as a document from which `toJson` makes the same text again, without its producer's blanks. BSON keeps numbers
 * and strings, but not every key: one with a NUL cannot be written, and some mean something to the driver.
 */
export function toDoc({ json }: Result): SizedDoc {
  const parsed = JSON.parse(json) as ResultDoc;
  const isSmall = json.length < MAX_NATIVE;
  const bytes = isSmall ? bsonSize(json, parsed) : Number.NaN;
  // Two keys that differed in an ill-formed character alone have become equal, which only text can hold.
  if (bytes > 0 && (!json.includes('\ufffd') || isUnambiguous(json, parsed.details)))
    return { doc: parsed, bytes };
  const { details, ...verdict } = parsed;
  const head = textBeforeDetails(verdict);
  // A text that was kept as it came is too short for its details to be nested too deeply.
  const text = json.startsWith(head) ? json.slice(head.length, -1) : JSON.stringify(details);
  return sizedDoc({ ...verdict, details: isSmall ? nearestBson(details, MAX_DEPTH) : null, json: text });
}

export const sizedDoc = (doc: ResultDoc): SizedDoc => ({ doc, bytes: mongo.BSON.calculateObjectSize(doc) });

/** The result's JSON, byte for byte as it was when it was stored, but without blanks. */
export function toJson(doc: ResultDoc): string {
  return `${textBeforeDetails(doc)}${doc.json ?? JSON.stringify(doc.details)}}`;
}

export function cellOfDoc({ status, risk_level, details, json }: ResultDoc): number {
  const known: unknown = json === undefined ? details : JSON.parse(json);
  const subStatus = (known as { sub_status?: unknown } | null)?.sub_status;
  return cellOf(status as Status, risk_level as RiskLevel | null, subStatus);
}

export const indexKeyOf = ({ email, cell }: Result): string => `${searchKey(email)}${cellCode(cell)}`;

function textBeforeDetails({
  email,
  is_valid,
  status,
  risk_level,
  deliverability_score,
}: ResultHead): string {
  const verdict = JSON.stringify({ email, is_valid, status, risk_level, deliverability_score });
  return `${verdict.slice(0, -1)},"details":`;
}

const isUnambiguous = (json: string, details: unknown): boolean =>
  json.endsWith(`,"details":${JSON.stringify(details)}}`);

/** The nearest value that BSON can hold: special characters of keys are replaced, levels that are too deep left out. */
function nearestBson(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((item) => nearestBson(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [nearestKey(key), nearestBson(item, depth - 1)]),
  );
}

const nearestKey = (key: string): string =>
  isUnsafeKey(key)
    ? `\uff3f${key.replaceAll('\0', '\u2400').replaceAll('.', '\uff0e').replaceAll('$', '\uff04')}`
    : key;

/**
 * Bytes that a value which was parsed from `json` takes in BSON, without its own type and name; NaN: BSON cannot hold it as
 * it is. The driver can count them, too, in five times the time of parsing.
 */
const bsonSize = (json: string, value: unknown): number =>
  sizeOf(value, MAX_DEPTH + 1, isPlain(json) ? lengthOf : Buffer.byteLength);

/** Each character is one byte and is not escaped. */
const isPlain = (json: string): boolean => !json.includes('\\u') && Buffer.byteLength(json) === json.length;
const lengthOf = (text: string): number => text.length;

/** What BSON adds: to a container and a string a length and an end, to each entry its type and the end of its name. */
const CONTAINER_BYTES = 5;
const NAME_BYTES = 2;

function sizeOf(value: unknown, depth: number, bytesOf: (text: string) => number): number {
  if (typeof value === 'string') return CONTAINER_BYTES + bytesOf(value);
  if (typeof value === 'number') return isInt32(value) ? 4 : 8;
  if (typeof value === 'boolean') return 1;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  let size = CONTAINER_BYTES;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++)
      size += NAME_BYTES + String(index).length + sizeOf(value[index], depth - 1, bytesOf);
    return size;
  }
  for (const key of Object.keys(value)) {
    if (isUnsafeKey(key)) return Number.NaN;
    size += NAME_BYTES + bytesOf(key) + sizeOf((value as Record<string, unknown>)[key], depth - 1, bytesOf);
  }
  return size;
}

const isInt32 = (value: number): boolean => (value | 0) === value && !Object.is(value, -0);

/** A key that cannot be written, or means something to the driver. */
const isUnsafeKey = (key: string): boolean =>
  key === '' ||
  key === '__proto__' ||
  key === '_bsontype' ||
  key.startsWith('$') ||
  key.includes('.') ||
  key.includes('\0');
