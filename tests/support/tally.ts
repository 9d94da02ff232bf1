/** Reads messages and counts results by the documented rules, without the gateway's code. */
import type { Message } from './producer.js';

/** A result with its place, as pages, exports and events show it. */
export interface Entry {
  email: string;
  is_valid: boolean | null;
  status: string;
  risk_level: string | null;
  deliverability_score: number | null;
  details: unknown;
  batchId: string;
  position: number;
}

const SUB_STATUSES: Record<string, readonly string[]> = {
  deliverable: [],
  undeliverable: [
    'Invalid Email',
    'Invalid Domain',
    'Rejected Email',
    'Invalid SMTP',
    'Disposable Email',
    'Blacklisted',
  ],
  risky: ['Low Quality', 'Low Deliverability'],
  unknown: ['No Connect', 'Timeout', 'Unavailable SMTP', 'Unexpected Error'],
};
const RISKS = ['none', 'low', 'medium', 'high'];

/** The results of a message as they must be stored: lenient reading, strict storing. */
export function entriesOf({ batchId, validatedEmails = [] }: Message): Entry[] {
  return validatedEmails.map((value, position) => {
    const raw = wellFormed(value) as Record<string, unknown>;
    const { email, is_valid, status, risk_level, deliverability_score, details } = raw;
    return {
      email: String(email),
      is_valid: typeof is_valid === 'boolean' ? is_valid : null,
      status: Object.keys(SUB_STATUSES).includes(String(status)) ? String(status) : 'unknown',
      risk_level: RISKS.includes(String(risk_level)) ? String(risk_level) : null,
      deliverability_score: typeof deliverability_score === 'number' ? deliverability_score : null,
      details: typeof details === 'object' ? (details ?? null) : null,
      batchId,
      position,
    };
  });
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key.toWellFormed(), wellFormed(part)]),
  );
}

export interface Tally {
  processed: number;
  stats: Record<string, { count: number; categories?: Record<string, number> }>;
  risk: Record<string, number>;
}

/** The counts of a file, from all of its results. */
export function tally(entries: Iterable<Entry>): Tally {
  const stats = Object.fromEntries(
    Object.entries(SUB_STATUSES).map(([status, subs]): [string, Tally['stats'][string]] => [
      status,
      subs.length === 0
        ? { count: 0 }
        : { count: 0, categories: Object.fromEntries([...subs.map(categoryOf), 'other'].map((c) => [c, 0])) },
    ]),
  );
  const risk = Object.fromEntries(RISKS.map((level) => [level, 0]));
  let processed = 0;
  for (const { status, risk_level, details } of entries) {
    processed++;
    const counted = stats[status];
    if (counted === undefined) throw new Error(`there is no status ${status}`);
    counted.count++;
    const sub = String((details as { sub_status?: unknown } | null)?.sub_status);
    const category = SUB_STATUSES[status]?.includes(sub) ? categoryOf(sub) : 'other';
    if (counted.categories) counted.categories[category] = (counted.categories[category] ?? 0) + 1;
    if (risk_level !== null) risk[risk_level] = (risk[risk_level] ?? 0) + 1;
  }
  return { processed, stats, risk };
}

const categoryOf = (subStatus: string): string => subStatus.toLowerCase().replaceAll(' ', '_');
