/** What a validator may say of one address, as small numbers that can be counted and added up. */

export const STATUSES = ['deliverable', 'undeliverable', 'risky', 'unknown'] as const;
export type Status = (typeof STATUSES)[number];

export const RISK_LEVELS = ['none', 'low', 'medium', 'high'] as const;
export type RiskLevel = (typeof RISK_LEVELS)[number];

/** The categories of each status, by the `sub_status` on the wire; whatever is not listed counts as `other`. */
export const CATEGORIES: Readonly<Record<Status, Readonly<Record<string, string>>>> = {
  deliverable: {},
  undeliverable: {
    'Invalid Email': 'invalid_email',
    'Invalid Domain': 'invalid_domain',
    'Rejected Email': 'rejected_email',
    'Invalid SMTP': 'invalid_smtp',
    'Disposable Email': 'disposable_email',
    Blacklisted: 'blacklisted',
  },
  risky: { 'Low Quality': 'low_quality', 'Low Deliverability': 'low_deliverability' },
  unknown: {
    'No Connect': 'no_connect',
    Timeout: 'timeout',
    'Unavailable SMTP': 'unavailable_smtp',
    'Unexpected Error': 'unexpected_error',
  },
};

/** Every countable verdict, in a fixed order: a status with one of its categories (`null`: it has none). */
export const VERDICTS: readonly Verdict[] = STATUSES.flatMap((status): Verdict[] => {
  const categories = Object.values(CATEGORIES[status]);
  if (categories.length === 0) return [{ status, category: null }];
  return [...categories, 'other'].map((category) => ({ status, category }));
});

export interface Verdict {
  readonly status: Status;
  readonly category: string | null;
}

const indexOf = (status: Status, category: string | null): number =>
  VERDICTS.findIndex((verdict) => verdict.status === status && verdict.category === category);

/** For each status, the index in `VERDICTS` by the `sub_status` of the wire. */
const indexBySubStatus = new Map<Status, ReadonlyMap<unknown, number>>(
  STATUSES.map((status) => [
    status,
    new Map(Object.entries(CATEGORIES[status]).map(([sub, category]) => [sub, indexOf(status, category)])),
  ]),
);
const indexOfOther = new Map<Status, number>(
  STATUSES.map((status) => [status, Math.max(indexOf(status, 'other'), indexOf(status, null))]),
);

/** The index in `VERDICTS` of a status with the `sub_status` of the wire. */
export const verdictIndexOf = (status: Status, subStatus: unknown): number =>
  indexBySubStatus.get(status)?.get(subStatus) ?? indexOfOther.get(status) ?? 0;

/** A cell is a pair of status and risk level, what pages are filtered by: `status × 5 + risk`, risk 4 for none given. */
export const CELL_COUNT = STATUSES.length * (RISK_LEVELS.length + 1);

export function cellOf(status: Status, risk: RiskLevel | null): number {
  const column = risk === null ? RISK_LEVELS.length : RISK_LEVELS.indexOf(risk);
  return STATUSES.indexOf(status) * (RISK_LEVELS.length + 1) + column;
}

/** The cells that a filter lets through; all of them without one. */
export function cellsOf(filter: { status?: Status | undefined; risk?: RiskLevel | undefined }): number[] {
  const statuses = filter.status === undefined ? STATUSES : [filter.status];
  const risks = filter.risk === undefined ? [...RISK_LEVELS, null] : [filter.risk];
  return statuses.flatMap((status) => risks.map((risk) => cellOf(status, risk)));
}
