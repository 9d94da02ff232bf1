/** Short notation for updates in unit tests. */
import { readUpdate } from '../../src/domain/read-update.js';
import type { Result } from '../../src/domain/result.js';
import type { Update } from '../../src/domain/update.js';

/** The fields of a result that a test cares about. */
export interface Verdict {
  readonly status?: string;
  readonly risk?: string | null;
  readonly subStatus?: string | null;
  readonly reason?: string;
}

/** A result as the validator writes it. */
export function entry(email: string, { status, risk, subStatus, reason }: Verdict = {}) {
  return {
    email,
    is_valid: (status ?? 'deliverable') === 'deliverable',
    status: status ?? 'deliverable',
    risk_level: risk === undefined ? 'low' : risk,
    deliverability_score: 95,
    details: { general: { domain: 'example.com', reason: reason ?? '' }, sub_status: subStatus ?? null },
  };
}

export type Entry = ReturnType<typeof entry>;

export interface Message {
  readonly batchId: string;
  /** A plain address stands for a deliverable result. */
  readonly emails: readonly (string | Entry)[];
  readonly fileId?: string;
  readonly requestId?: string;
  readonly totalBatches?: number;
  readonly isComplete?: boolean;
  /** Default: the number of results. */
  readonly processedCount?: number;
  readonly totalEmails?: number;
  readonly failed?: boolean;
  readonly error?: string;
}

/** A message about a batch, as on the wire. */
export function updateMessage({ emails, ...said }: Message) {
  return {
    isComplete: false,
    totalEmails: Math.max(emails.length, 10),
    processedCount: emails.length,
    lastUpdated: '2025-11-24T10:11:12.123456',
    validatedEmails: emails.map((email) => (typeof email === 'string' ? entry(email) : email)),
    ...said,
  };
}

/** The same message after reading. */
export const update = (said: Message): Update => readUpdate(updateMessage(said));

/** Addresses `a0@example.com`, `a1@example.com` … */
export const addresses = (count: number, name = 'a', from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${from + i}@example.com`);

export const jsonOf = (results: readonly Pick<Result, 'json'>[]): string[] => results.map(({ json }) => json);
export const emailOf = ({ json }: Pick<Result, 'json'>): string =>
  (JSON.parse(json) as { email: string }).email;
export const emailsOf = (results: readonly Pick<Result, 'json'>[]): string[] => results.map(emailOf);
