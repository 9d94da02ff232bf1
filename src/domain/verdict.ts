/** The verdicts and risk levels that a validator can give an address, numbered so that they can be counted. */

export const STATUSES = ['deliverable', 'undeliverable', 'risky', 'unknown'] as const;
export type Status = (typeof STATUSES)[number];

export const RISK_LEVELS = ['none', 'low', 'medium', 'high'] as const;
export type RiskLevel = (typeof RISK_LEVELS)[number];

/** The categories of each status, by the `sub_status` that the validator sends; any other counts as `other`. */
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

/** Every verdict, in a fixed order; stored counts refer to it by index. */
export const VERDICTS: readonly Verdict[] = STATUSES.flatMap((status): Verdict[] => {
  const categories = Object.values(CATEGORIES[status]);
  if (categories.length === 0) return [{ status, category: null }];
  return [...categories, 'other'].map((category) => ({ status, category }));
});

/** A status with one of its categories; null: the status has no categories. */
export interface Verdict {
  readonly status: Status;
  readonly category: string | null;
}

const indexOf = (status: Status, category: string | null): number =>
  VERDICTS.findIndex((verdict) => verdict.status === status && verdict.category === category);

/** For each status, the index in `VERDICTS` by the validator's `sub_status`. */
const indexBySubStatus = new Map<Status, ReadonlyMap<unknown, number>>(
  STATUSES.map((status) => [
    status,
    new Map(Object.entries(CATEGORIES[status]).map(([sub, category]) => [sub, indexOf(status, category)])),
  ]),
);
const indexOfOther = new Map<Status, number>(
  STATUSES.map((status) => [status, Math.max(indexOf(status, 'other'), indexOf(status, null))]),
);

/** The index in `VERDICTS` of a status with the validator's `sub_status`. */
export const verdictIndexOf = (status: Status, subStatus: unknown): number =>
  indexBySubStatus.get(status)?.get(subStatus) ?? indexOfOther.get(status) ?? 0;

/**
 * Pages are filtered by status and risk level, so results are counted in a table of both. Its cells are numbered
 * `status × 5 + risk`; risk is 4 where the validator gave none.
 */
export const CELL_COUNT = STATUSES.length * (RISK_LEVELS.length + 1);

export function cellOf(status: Status, risk: RiskLevel | null): number {
  const column = risk === null ? RISK_LEVELS.length : RISK_LEVELS.indexOf(risk);
  return STATUSES.indexOf(status) * (RISK_LEVELS.length + 1) + column;
}

/** The cells whose results match a filter; an empty filter matches all. */
export function cellsOf(filter: { status?: Status | undefined; risk?: RiskLevel | undefined }): number[] {
  const statuses = filter.status === undefined ? STATUSES : [filter.status];
  const risks = filter.risk === undefined ? [...RISK_LEVELS, null] : [filter.risk];
  return statuses.flatMap((status) => risks.map((risk) => cellOf(status, risk)));
}
