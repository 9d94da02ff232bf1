import type { Address } from './address.js';
import { chance } from './chance.js';
import type { Findings, Flags } from './findings.js';
import type { Outcome } from './mailbox.js';
import { typoOf } from './providers.js';
import type { Risk, Status, SubStatus } from './result.js';

/** The part of a verdict that is an opinion. */
export interface Grade {
  readonly status: Status;
  readonly subStatus: SubStatus | null;
  readonly risk: Risk;
  readonly score: number;
  readonly reason: string;
}

type Opinion = Omit<Grade, 'reason'>;

const undeliverable = (subStatus: SubStatus): Opinion => ({
  status: 'undeliverable',
  subStatus,
  risk: 'high',
  score: 0,
});
const unknown = (subStatus: SubStatus): Opinion => ({ status: 'unknown', subStatus, risk: 'high', score: 0 });
const risky = (subStatus: SubStatus, score: number): Opinion => ({
  status: 'risky',
  subStatus,
  risk: score < 50 ? 'high' : 'medium',
  score,
});
const deliverable = (score: number): Opinion => ({
  status: 'deliverable',
  subStatus: null,
  risk: 'low',
  score,
});

const BY_OUTCOME: Readonly<Partial<Record<Outcome, Opinion>>> = {
  rejected: undeliverable('Rejected Email'),
  'bad-name': undeliverable('Invalid SMTP'),
  'relay-denied': undeliverable('Invalid Domain'),
  // A pair that is on no list of pairs, and occurs all the same.
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

function quality({ local }: Address, { attributes, domain, reply }: Findings): Opinion {
  if (domain.provider === null) return risky('Low Deliverability', 40);
  if (attributes.catch_all) return risky('Low Deliverability', 50);
  if (attributes.no_reply) return risky('Low Quality', 55);
  if (attributes.role_account) return risky('Low Quality', attributes.free_email ? 45 : 65);
  if (looksMadeUp(local)) return risky('Low Quality', 60);
  // Where nobody was asked, the mailbox may be there or not.
  return deliverable(reply === null ? 80 : 90 + Math.floor(chance(local, 'score') * 11));
}

/** `99812343`, `xkq29fj3k`: what scripts fill in where people would not. */
const looksMadeUp = (local: string): boolean => /^\d{6,}$|^[bcdfghjklmnpqrstvwxz\d]{8,}$/i.test(local);

function noMail(domain: string): string {
  const meant = typoOf(domain);
  return meant === undefined
    ? 'No mail server found for the domain'
    : `No mail server found for the domain, possibly a misspelling of ${meant}`;
}
