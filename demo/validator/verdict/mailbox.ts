/** Simulates a mail server's answer for one mailbox. */
import type { Address } from './address.js';
import { chance, oneOf, pick, type Shares } from './chance.js';
import type { Domain } from './domain.js';

/** How the SMTP conversation ends. */
export type Outcome =
  | 'accepted'
  | 'rejected'
  | 'full'
  | 'bad-name'
  | 'relay-denied'
  | 'timeout'
  | 'no-connect'
  | 'unavailable'
  | 'closed'
  | 'error';

export interface Reply {
  readonly outcome: Outcome;
  /** The server's answer, or how the conversation failed. The text is arbitrary and may have several lines. */
  readonly text: string;
}

const OUTCOMES: Shares<Outcome> = [
  'accepted',
  [0.09, 'rejected'],
  [0.018, 'full'],
  [0.006, 'bad-name'],
  [0.008, 'timeout'],
  [0.004, 'no-connect'],
  [0.005, 'unavailable'],
  [0.002, 'closed'],
  [0.004, 'error'],
];

const TEXTS: Readonly<Record<Outcome, readonly [string, ...string[]]>> = {
  accepted: ['All validations passed'],
  rejected: [
    '5.1.1 No such user',
    '5.1.1 Recipient address rejected: User unknown in virtual mailbox table',
    '5.1.1 The email account that you tried to reach does not exist.\r\n5.1.1 Please check the address and try again.',
    '5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
    '5.2.1 The email account that you tried to reach is disabled',
    '=== 5.7.1 Mailbox closed, see our web page ===',
  ],
  full: ['4.2.2 Mailbox full', '5.2.2 The email account that you tried to reach is over quota'],
  'bad-name': ['5.1.3 Bad mailbox name', '5.5.4 Invalid recipient syntax'],
  'relay-denied': ['5.7.1 Relay access denied'],
  timeout: ['SMTP timeout'],
  'no-connect': ['Could not connect to any mail server', 'Connection refused'],
  unavailable: ['4.7.1 Greylisted, please try again later', '4.3.2 Service not available, try again later'],
  closed: ['5.3.2 System not accepting network messages'],
  error: ['Unexpected error during the SMTP conversation', 'Connection reset in the middle of an answer'],
};

/** Mailboxes whose name chooses the outcome, such as `full@example.com`. */
const NAMED = /^(?<what>rejected|full|badname|timeout|noconnect|unavailable|closed|error)(?![a-z])/i;
const BY_NAME: Readonly<Record<string, Outcome>> = {
  rejected: 'rejected',
  full: 'full',
  badname: 'bad-name',
  timeout: 'timeout',
  noconnect: 'no-connect',
  unavailable: 'unavailable',
  closed: 'closed',
  error: 'error',
};

/** The mail server's answer to `RCPT TO` with this address. */
export function ask(address: Address, domain: Domain): Reply {
  const key = `${address.local}@${address.domain}`.toLowerCase();
  const outcome = outcomeOf(key, address, domain);
  return { outcome, text: oneOf(chance(key, 'text'), TEXTS[outcome]) };
}

function outcomeOf(key: string, { local }: Address, { behaviour }: Domain): Outcome {
  const named = NAMED.exec(local)?.groups?.what?.toLowerCase();
  if (named !== undefined) return BY_NAME[named] ?? 'accepted';
  switch (behaviour) {
    case 'dead':
      return 'no-connect';
    case 'slow':
      return 'timeout';
    case 'greylisting':
      return 'unavailable';
    case 'relay-denied':
      return 'relay-denied';
    case 'catch-all':
      return 'accepted';
    case 'normal':
    case 'listed':
      return pick(chance(key, 'outcome'), OUTCOMES);
  }
}
