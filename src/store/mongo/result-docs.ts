import { mongo } from 'mongoose';
import type { Result } from '../../domain/result.js';
import { cellCode, searchKey } from '../search-key.js';
import { bsonSize, isUnsafeKey, MAX_DEPTH } from './bson-size.js';

/** A result as other programs read it. */
export interface ResultDoc {
  email: string;
  status: string;
  is_valid: boolean | null;
  risk_level: string | null;
  deliverability_score: number | null;
  /** As it came; where BSON cannot hold that, something like it (null where it is too much), and `json` has the text. */
  details: unknown;
  json?: string;
}

type ResultHead = Omit<ResultDoc, 'json' | 'details'>;

/** With the bytes that it takes as BSON. */
export interface SizedDoc {
  readonly doc: ResultDoc;
  readonly bytes: number;
}

/** BSON of an object may be some seven times as long as its JSON: more than this stays text. */
const MAX_NATIVE = 2 ** 20;

/**
 * The result as a document from which `jsonOf` makes the same text again, but for its producer's blanks. Numbers and strings survive BSON as they are;
 * keys do not all: one with a NUL cannot be written, and some mean something to the driver.
 */
export function toDoc({ json }: Result): SizedDoc {
  const parsed = JSON.parse(json) as ResultDoc;
  const isSmall = json.length < MAX_NATIVE;
  const bytes = isSmall ? bsonSize(json, parsed) : Number.NaN;
  // Two keys that differed in an ill-formed character alone are one and the same now, which only text can hold.
  if (bytes > 0 && (!json.includes('\ufffd') || isUnambiguous(json, parsed.details)))
    return { doc: parsed, bytes };
  const { details, ...verdict } = parsed;
  const head = headOf(verdict);
  // A text that was kept as it came is too short to be nested too deeply.
  const text = json.startsWith(head) ? json.slice(head.length, -1) : JSON.stringify(details);
  return sizedDoc({ ...verdict, details: isSmall ? nearestBson(details, MAX_DEPTH) : null, json: text });
}

export const sizedDoc = (doc: ResultDoc): SizedDoc => ({ doc, bytes: mongo.BSON.calculateObjectSize(doc) });

/** The result's JSON, byte for byte as it was when it was stored, but without blanks. */
export function toJson(doc: ResultDoc): string {
  return `${headOf(doc)}${doc.json ?? JSON.stringify(doc.details)}}`;
}

/** What an index sorts the result by, with its cell. */
export const indexKeyOf = ({ email, cell }: Result): string => `${searchKey(email)}${cellCode(cell)}`;

function headOf({ email, is_valid, status, risk_level, deliverability_score }: ResultHead): string {
  const verdict = JSON.stringify({ email, is_valid, status, risk_level, deliverability_score });
  return `${verdict.slice(0, -1)},"details":`;
}

const isUnambiguous = (json: string, details: unknown): boolean =>
  json.endsWith(`,"details":${JSON.stringify(details)}}`);

/** The nearest that BSON can hold: odd characters of keys in another form, nothing below the last level. */
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
