/**
 * Makes updates as the validator writes them: JSON in Python's notation, with all fields and a mix of verdicts. The
 * same index always gives the same address.
 */
const DOMAINS = ['example.com', 'firm.example', 'mail.example.org', 'post.example.net', 'shop.example'];
const NAMES = ['ana', 'bo', 'carla.m', 'dmitri', 'e.fischer', 'farid', 'grace_h', 'hiroshi', 'ines', 'j.k.'];

interface Kind {
  readonly status: string;
  readonly risk: string;
  readonly score: number;
  readonly subStatus: string;
  readonly reason: string;
}

const KINDS: readonly Kind[] = [
  { status: 'deliverable', risk: 'low', score: 100, subStatus: 'null', reason: 'All validations passed' },
  { status: 'deliverable', risk: 'low', score: 95, subStatus: 'null', reason: 'All validations passed' },
  { status: 'deliverable', risk: 'none', score: 100, subStatus: 'null', reason: 'All validations passed' },
  {
    status: 'undeliverable',
    risk: 'high',
    score: 0,
    subStatus: '"Rejected Email"',
    reason: '5.1.1 no such user here',
  },
  {
    status: 'undeliverable',
    risk: 'high',
    score: 0,
    subStatus: '"Invalid Domain"',
    reason: 'the domain has no mail server',
  },
  {
    status: 'risky',
    risk: 'medium',
    score: 50,
    subStatus: '"Low Deliverability"',
    reason: 'Catch-all domain',
  },
  { status: 'unknown', risk: 'medium', score: 30, subStatus: '"Timeout"', reason: 'SMTP timeout' },
];

/** One result in this many has a rare verdict. A filter for it is costly: the matches are far apart. */
const RARE_EVERY = 5_000;
/** Even a file of a thousand results has one. */
const FIRST_RARE = 499;
const RARE: Kind = {
  status: 'unknown',
  risk: 'high',
  score: 10,
  subStatus: '"No Connect"',
  reason: 'no answer',
};

/** Spreads indices evenly, and the same way in every run. */
const scatter = (index: number): number => Math.imul(index + 1, 2_654_435_761) >>> 0;

export function addressOf(index: number): string {
  const mixed = scatter(index);
  return `${NAMES[mixed % NAMES.length]}${index}@${DOMAINS[(mixed >>> 8) % DOMAINS.length]}`;
}

export function resultText(index: number): string {
  const common = KINDS[(scatter(index) >>> 12) % KINDS.length] as Kind;
  const kind = index % RARE_EVERY === FIRST_RARE ? RARE : common;
  const email = addressOf(index);
  const domain = email.slice(email.indexOf('@') + 1);
  return (
    `{"email": "${email}", "is_valid": ${kind.status === 'deliverable'}, "status": "${kind.status}", ` +
    `"risk_level": "${kind.risk}", "deliverability_score": ${kind.score}, "details": {"general": ` +
    `{"domain": "${domain}", "reason": "${kind.reason}", "validation_method": "smtp"}, "attributes": ` +
    '{"free_email": false, "role_account": false, "disposable": false, "catch_all": false, ' +
    '"has_plus_tag": false, "mailbox_full": false, "no_reply": false}, "mail_server": ' +
    '{"smtp_provider": null, "mx_record": null, "implicit_mx": null}, "blacklist": ' +
    '{"is_blacklisted": false, "blacklists_found": [], "blacklist_reasons": [], "reputation_score": 100, ' +
    `"last_checked": null}, "sub_status": ${kind.subStatus}}}`
  );
}

export interface BatchSpec {
  readonly batchId: string;
  /** Named in the update; undefined: the batch is registered, as the validator's batches are. */
  readonly fileId?: string;
  /** Index of the batch's first address. */
  readonly first: number;
  readonly total: number;
}

/** The update that carries the first `count` results of a batch. */
export function updateText({ batchId, fileId, first, total }: BatchSpec, count: number): string {
  const results = Array.from({ length: count }, (_, position) => resultText(first + position));
  return `${updateHead({ batchId, fileId, total }, count)}${results.join(', ')}]}`;
}

/** The part of an update before its results. `]}` closes the text. */
export function updateHead(
  { batchId, fileId, total }: { batchId: string; fileId?: string | undefined; total: number },
  count: number,
): string {
  const file = fileId === undefined ? '' : `"fileId": "${fileId}", `;
  return (
    `{${file}"batchId": "${batchId}", "isComplete": ${count === total}, "totalEmails": ${total}, ` +
    `"processedCount": ${count}, "lastUpdated": "2025-11-24T10:11:12.123456", "validatedEmails": [`
  );
}
