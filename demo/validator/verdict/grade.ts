/** Grades an address by the findings on it. */
import type { Address } from './address.js';
import { chance } from './chance.js';
import type { Findings, Flags } from './findings.js';
import type { Outcome } from './mailbox.js';
import { typoOf } from './providers.js';
import type { Risk, Status, SubStatus } from './result.js';

/** Status, risk and score of a verdict, with the reason. */
export interface Grade {
  readonly status: Status;
  readonly subStatus: SubStatus | null;
  readonly risk: Risk;
  readonly score: number;
  readonly reason: string;
}

type Rating = Omit<Grade, 'reason'>;

const undeliverable = (subStatus: SubStatus): Rating => ({
  status: 'undeliverable',
  subStatus,
  risk: 'high',
  score: 0,
});
const unknown = (subStatus: SubStatus): Rating => ({ status: 'unknown', subStatus, risk: 'high', score: 0 });
const risky = (subStatus: SubStatus, score: number): Rating => ({
  status: 'risky',
  subStatus,
  risk: score < 50 ? 'high' : 'medium',
  score,
});
const deliverable = (score: number): Rating => ({
  status: 'deliverable',
  subStatus: null,
  risk: 'low',
  score,
});

const BY_OUTCOME: Readonly<Partial<Record<Outcome, Rating>>> = {
  rejected: undeliverable('Rejected Email'),
  'bad-name': undeliverable('Invalid SMTP'),
  'relay-denied': undeliverable('Invalid Domain'),
  // The validator's documentation does not list this pair, but it occurs.
  closed: undeliverable('Unavailable SMTP'),
  full: risky('Low Deliverability', 30),
  timeout: unknown('Timeout'),
  'no-connect': unknown('No Connect'),
  unavailable: unknown('Unavailable SMTP'),
  error: unknown('Unexpected Error'),
};

export const NO_ADDRESS: Grade = { ...undeliverable('Invalid Email'), reason: 'Invalid email format' };

export function gradeOf(address: Address, findings: Findings, flags: Flags): Grade {
  const { attributes, blacklist, reply } = findings;
  if (attributes.disposable)
    return { ...undeliverable('Disposable Email'), reason: 'Disposable email address' };
  if (findings.domain.provider === null && flags.check_mx) {
    return { ...undeliverable('Invalid Domain'), reason: noMail(address.domain) };
  }
  if (blacklist.is_blacklisted)
    return { ...undeliverable('Blacklisted'), reason: 'Domain is on a blacklist' };
  const refusal = reply === null ? undefined : BY_OUTCOME[reply.outcome];
  return { ...(refusal ?? quality(address, findings)), reason: reply?.text ?? 'SMTP check disabled' };
}

function quality({ local }: Address, { attributes, domain, reply }: Findings): Rating {
  if (domain.provider === null) return risky('Low Deliverability', 40);
  if (attributes.catch_all) return risky('Low Deliverability', 50);
  if (attributes.no_reply) return risky('Low Quality', 55);
  if (attributes.role_account) return risky('Low Quality', attributes.free_email ? 45 : 65);
  if (looksMadeUp(local)) return risky('Low Quality', 60);
  // Without an answer of the mail server it is unknown whether the mailbox exists.
  return deliverable(reply === null ? 80 : 90 + Math.floor(chance(local, 'score') * 11));
}

/** Names that look generated: `99812343`, `xkq29fj3k`. */
const looksMadeUp = (local: string): boolean => /^\d{6,}$|^[bcdfghjklmnpqrstvwxz\d]{8,}$/i.test(local);

function noMail(domain: string): string {
  const meant = typoOf(domain);
  return meant === undefined
    ? 'No mail server found for the domain'
    : `No mail server found for the domain, possibly a misspelling of ${meant}`;
}
