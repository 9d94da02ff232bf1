/** Reads results and keeps them as JSON text, which is stored and sent on without being parsed again. */
import { createHash } from 'node:crypto';
import { facetBitsOf } from './facets.js';
import type { BatchId } from './id.js';
import type { FieldError } from './invalid-input.js';
import { cellOf, RISK_LEVELS, type RiskLevel, STATUSES, type Status } from './verdict.js';

/** What the gateway computes with of the result for one address; the whole of it is in `json`. */
export interface Result {
  /** What the customer sent, well-formed; may be no address at all. */
  readonly email: string;
  /** Number of its cell in the table of verdicts and risk levels, see `cellOf`. */
  readonly cell: number;
  /** Its score step and attributes, see `facetBitsOf`. */
  readonly facetBits: number;
  /** `{email, is_valid, status, risk_level, deliverability_score, details}` as JSON on one line, in well-formed text. */
  readonly json: string;
}

/** A result with its position, which counts from 0 inside the batch. */
export interface PlacedResult {
  readonly batchId: BatchId;
  readonly position: number;
  readonly json: string;
}

const statuses: readonly unknown[] = STATUSES;
const riskLevels: readonly unknown[] = RISK_LEVELS;

const NO_OBJECT = 'must be an object';
const NO_EMAIL = 'email must be a string';

/** The error for entry `index` of `validatedEmails`, by what `readResult` said of it. */
export const resultError = (index: number, reason: string): FieldError =>
  reason === NO_EMAIL
    ? { field: `validatedEmails[${index}].email`, message: 'must be a string' }
    : { field: `validatedEmails[${index}]`, message: reason };

/**
 * Reads one entry of `validatedEmails`; a returned string says why it cannot be read. Only the address is required. `text`
 * is the JSON that the entry was parsed from: it is kept where that spares serialising the entry.
 */
export function readResult(value: unknown, text?: string): Result | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return NO_OBJECT;
  const { email, is_valid, status, risk_level, deliverability_score, details } = value as Record<
    string,
    unknown
  >;
  if (typeof email !== 'string') return NO_EMAIL;
  const knownStatus = statuses.includes(status) ? (status as Status) : 'unknown';
  const knownRisk = riskLevels.includes(risk_level) ? (risk_level as RiskLevel) : null;
  const detailed = typeof details === 'object' && details !== null ? details : null;
  const address = email.toWellFormed();
  const read: ReadFields = {
    email: address,
    is_valid: typeof is_valid === 'boolean' ? is_valid : null,
    status: knownStatus,
    risk_level: knownRisk,
    deliverability_score: typeof deliverability_score === 'number' ? deliverability_score : null,
    details: detailed,
  };
  return {
    email: address,
    cell: cellOf(knownStatus, knownRisk, (detailed as { sub_status?: unknown } | null)?.sub_status),
    facetBits: facetBitsOf(
      read.deliverability_score,
      (detailed as { attributes?: unknown } | null)?.attributes,
    ),
    json: text !== undefined && isAsStored(text, read, value) ? text : wellFormed(JSON.stringify(read)),
  };
}

interface ReadFields {
  readonly email: string;
  readonly is_valid: boolean | null;
  readonly status: Status;
  readonly risk_level: RiskLevel | null;
  readonly deliverability_score: number | null;
  readonly details: object | null;
}

const KEY_COUNT = 6;
/** Longer text may be nested so deeply that a database driver cannot serialise it. */
const MAX_KEPT_LENGTH = 8_192;

/**
 * Whether the JSON that a result was read from may be stored unchanged: it is on one line, spaced as Python's `json.dumps`
 * does, has exactly the known keys in their order, every value as it was read, and no lone surrogate. `entry` is the text
 * parsed.
 */
function isAsStored(text: string, read: ReadFields, entry: object): boolean {
  return (
    text.length <= MAX_KEPT_LENGTH &&
    text.endsWith('}') &&
    startsAsStored(text, read) &&
    (entry as Partial<ReadFields>).details === read.details &&
    Object.keys(entry).length === KEY_COUNT &&
    !text.includes('\\ud') &&
    !text.includes('\\uD') &&
    !text.includes('\n') &&
    !text.includes('\r')
  );
}

/** The fields before `details`, each with the text before its value. */
const FIELDS = [
  ['{"email": ', 'email'],
  [', "is_valid": ', 'is_valid'],
  [', "status": ', 'status'],
  [', "risk_level": ', 'risk_level'],
  [', "deliverability_score": ', 'deliverability_score'],
] as const;

/** Compared piece by piece: one text for each result would leave more behind than the result itself. */
function startsAsStored(text: string, read: ReadFields): boolean {
  let end = 0;
  for (const [before, field] of FIELDS) {
    const value = JSON.stringify(read[field]);
    if (!text.startsWith(before, end) || !text.startsWith(value, end + before.length)) return false;
    end += before.length + value.length;
  }
  return text.startsWith(', "details": ', end);
}

/** Replaces lone surrogates, which no database stores. They are the only ones that JSON.stringify escapes. */
function wellFormed(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (found) => (found === '\\\\' ? found : '\ufffd'));
}

/** The JSON of a result as listeners and pages get it, with its batch and position. */
export function placedJson({ batchId, position, json }: PlacedResult): string {
  return `${json.slice(0, -1)},"batchId":${JSON.stringify(batchId)},"position":${position}}`;
}

/**
 * Fingerprints of the first `length` results and of all of them. Where the first equals the fingerprint of a stored list of
 * that length, the new list only adds to it.
 */
export function fingerprints(results: readonly Result[], length: number): { prefix: string; whole: string } {
  const running = createHash('sha1').update(textLines(results.slice(0, length)));
  const prefix = running.copy().digest('base64');
  return { prefix, whole: running.update(textLines(results.slice(length))).digest('base64') };
}

/** The text that a list is fingerprinted by: one line per result. */
export function textLines(results: readonly Result[]): string {
  const lines = results.map(({ json }) => json);
  // The end of the last line comes with the join: a text that is added to is copied once more when it is read.
  if (lines.length > 0) lines.push('');
  return lines.join('\n');
}

/** Characters of the results' JSON. */
export const charsOf = (results: readonly Pick<Result, 'json'>[]): number =>
  results.reduce((sum, { json }) => sum + json.length, 0);

/** What stands behind the last `@` of an address, as it is written; null: there is none. */
export function domainOf(email: string): string | null {
  const at = email.lastIndexOf('@');
  return at < 0 ? null : email.slice(at + 1);
}
