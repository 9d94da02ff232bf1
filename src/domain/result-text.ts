/** What is read of a result, as far as its text is concerned. */
export interface ReadResult {
  readonly email: string;
  readonly is_valid: boolean | null;
  readonly status: string;
  readonly risk_level: string | null;
  readonly deliverability_score: number | null;
  readonly details: object | null;
}

const KEYS = 6;
/** Text so short cannot be nested too deeply for anybody who has to serialise it again. */
const MAX_KEPT = 8_192;

/**
 * Whether the JSON that a result was read from may be stored as it is: written as Python's `json.dumps` does, on one line,
 * with the known keys in their order and no others, every value one that is taken over, and no surrogate that may stand
 * alone. `entry` is what the text was parsed to.
 */
export function isAsStored(text: string, read: ReadResult, entry: object): boolean {
  return (
    text.length <= MAX_KEPT &&
    text.endsWith('}') &&
    text.startsWith(headOf(read)) &&
    (entry as Partial<ReadResult>).details === read.details &&
    Object.keys(entry).length === KEYS &&
    !text.includes('\\ud') &&
    !text.includes('\\uD') &&
    !text.includes('\n') &&
    !text.includes('\r')
  );
}

const headOf = ({ email, is_valid, status, risk_level, deliverability_score }: ReadResult): string =>
  `{"email": ${JSON.stringify(email)}, "is_valid": ${is_valid}, "status": "${status}", "risk_level": ` +
  `${risk_level === null ? 'null' : `"${risk_level}"`}, "deliverability_score": ${deliverability_score}, "details": `;
