import { createHash } from 'node:crypto';
import { isAsStored } from './result-text.js';
import { cellOf, RISK_LEVELS, type RiskLevel, STATUSES, type Status, verdictIndexOf } from './verdict.js';

/**
 * The verdict on one address, reduced to what the gateway reckons with. Everything else stays in `json`, which is
 * stored and sent on as it is: no later step needs to parse or to serialise a result again.
 */
export interface Result {
  /** What the customer sent, well-formed; may be no address at all. */
  readonly email: string;
  /** Index in `VERDICTS`. */
  readonly verdictIndex: number;
  /** Cell of status and risk, see `cellOf`. */
  readonly cell: number;
  /**
   * `{email, is_valid, status, risk_level, deliverability_score, details}` as JSON on one line, well-formed text. Its blanks
   * are its producer's.
   */
  readonly json: string;
}

/** A result in its place: `position` counts from 0 inside the batch. */
export interface PlacedResult {
  readonly batchId: string;
  readonly position: number;
  readonly json: string;
}

const statuses: readonly unknown[] = STATUSES;
const riskLevels: readonly unknown[] = RISK_LEVELS;

/**
 * Reads one entry of `validatedEmails`; a string says why it cannot be read. Only the address is indispensable. `text`: the
 * JSON that the entry was parsed from, kept where it is what would be made of the entry anyway.
 */
export function readResult(value: unknown, text?: string): Result | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
  const { email, is_valid, status, risk_level, deliverability_score, details } = value as Record<
    string,
    unknown
  >;
  if (typeof email !== 'string') return 'email must be a string';
  const knownStatus = statuses.includes(status) ? (status as Status) : 'unknown';
  const knownRisk = riskLevels.includes(risk_level) ? (risk_level as RiskLevel) : null;
  const detailed = typeof details === 'object' && details !== null ? details : null;
  const address = email.toWellFormed();
  const read = {
    email: address,
    is_valid: typeof is_valid === 'boolean' ? is_valid : null,
    status: knownStatus,
    risk_level: knownRisk,
    deliverability_score: typeof deliverability_score === 'number' ? deliverability_score : null,
    details: detailed,
  };
  return {
    email: address,
    verdictIndex: verdictIndexOf(knownStatus, (detailed as { sub_status?: unknown } | null)?.sub_status),
    cell: cellOf(knownStatus, knownRisk),
    json: text !== undefined && isAsStored(text, read, value) ? text : wellFormed(JSON.stringify(read)),
  };
}

/** JSON.stringify escapes only surrogates that stand alone: each such escape is text that no database would take. */
function wellFormed(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (found) => (found === '\\\\' ? found : '\ufffd'));
}

/** The result as listeners and pages see it: with its place. */
export function placedJson({ batchId, position, json }: PlacedResult): string {
  return `${json.slice(0, -1)},"batchId":${JSON.stringify(batchId)},"position":${position}}`;
}

/**
 * Fingerprints of the first `length` results and of all of them: where the first equals that of a stored list of that
 * length, the new list only adds to it.
 */
export function fingerprints(results: readonly Result[], length: number): { prefix: string; whole: string } {
  const running = createHash('sha1').update(textLines(results.slice(0, length)));
  const prefix = running.copy().digest('base64');
  return { prefix, whole: running.update(textLines(results.slice(length))).digest('base64') };
}

/** A line for each result: what a list is fingerprinted by. */
export const textLines = (results: readonly Result[]): string =>
  results.length === 0 ? '' : `${results.map(({ json }) => json).join('\n')}\n`;
