/** Results as a validator might write them: plain ones by number, and hostile ones chosen pseudo-randomly. */

const STATUSES = ['deliverable', 'undeliverable', 'risky', 'unknown'] as const;
const RISKS = ['none', 'low', 'medium', 'high'] as const;

/** Texts that customers submit as addresses, and that remote servers answer with. */
const HOSTILE_TEXTS = [
  '',
  ' ',
  'plain',
  'jane+news@example.com',
  'JANE+NEWS@EXAMPLE.COM',
  "=cmd|' /C calc'!A0",
  '"a,b"\r\n;x@example.com',
  'tab\tnul\u0000bell\u0007@example.com',
  '\u202egnitset@example.com',
  'ünïcödé@bücher.example',
  'ß@straße.example',
  'İstanbul@example.com',
  '👩‍👩‍👧‍👦@emoji.example',
  'lone\ud83dsurrogate@example.com',
  '\udce4\udce4',
  '\\ud83d is text@example.com',
  '\u2028\u2029@example.com',
  '__proto__',
  `${'long'.repeat(80)}@example.com`,
  `${'LONG'.repeat(80)}x@example.com`,
];

const SUB_STATUSES = [
  null,
  'Invalid Email',
  'Invalid Domain',
  'Rejected Email',
  'Invalid SMTP',
  'Disposable Email',
  'Blacklisted',
  'Low Quality',
  'Low Deliverability',
  'No Connect',
  'Timeout',
  'Unavailable SMTP',
  'Unexpected Error',
  'constructor',
  'Something New',
];

/** A pseudo-random number that is the same for the same seeds. */
export function mixed(...seeds: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const seed of seeds) {
    hash = Math.imul(hash ^ seed, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}

const pick = <T>(choices: readonly T[], ...seeds: readonly number[]): T =>
  choices[mixed(...seeds) % choices.length] as T;

/** The result for the address with this number. Another flavour, as of another run, may have another verdict. */
export function hostileResult(number: number, flavour: number): Record<string, unknown> {
  const seed = [number, flavour] as const;
  const reason = pick(HOSTILE_TEXTS, ...seed, 1);
  const details = { general: { reason, domain: '' }, sub_status: pick(SUB_STATUSES, ...seed, 2) };
  return {
    email: mixed(number, 3) % 3 === 0 ? pick(HOSTILE_TEXTS, number, 4) : `user${number}@example.com`,
    is_valid: pick([true, false, null, 'yes'], ...seed, 5),
    status: pick([...STATUSES, ...STATUSES, 'accept_all', 7], ...seed, 6),
    risk_level: pick([...RISKS, ...RISKS, 'extreme', null], ...seed, 7),
    deliverability_score: pick([0, 50, 99.5, 100, null, '100'], ...seed, 8),
    details: pick([details, details, details, details, {}, null, 'none'], ...seed, 9),
    fresh_field: 'of a later validator',
  };
}

/** A plain result whose address names its batch and number. */
export function plainResult(name: string, number: number, reason = ''): Record<string, unknown> {
  const status = pick(STATUSES, number, name.length);
  return {
    email: `${name}-${number}@example.com`,
    is_valid: status === 'deliverable',
    status,
    risk_level: pick(RISKS, number, name.length, 1),
    deliverability_score: 100 - (number % 100),
    details: { general: { domain: 'example.com', reason }, sub_status: null },
  };
}

export const plainResults = (name: string, count: number, reason?: string): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, number) => plainResult(name, number, reason));
