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
interface Verdict {
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
const verdictIndexOf = (status: Status, subStatus: unknown): number =>
  indexBySubStatus.get(status)?.get(subStatus) ?? indexOfOther.get(status) ?? 0;

/** The reasons that results can be filtered by: the categories of all statuses, each named once. */
export const REASONS: readonly [string, ...string[]] = [
  'other',
  ...new Set(VERDICTS.flatMap(({ category }) => category ?? []).filter((name) => name !== 'other')),
];

/** Columns of the table of verdicts and risk levels: the last one is for results without a risk level. */
const RISK_COLUMNS = [...RISK_LEVELS, null] as const;

/**
 * Pages are filtered by status, risk level and reason, so results are counted in a table of verdict × risk level. Its cells
 * are numbered `verdict × 5 + risk`; risk is 4 where the validator gave none.
 */
export const CELL_COUNT = VERDICTS.length * RISK_COLUMNS.length;

/** The cell of a result, by its `sub_status` as the validator sent it: its category is decided here and nowhere else. */
export const cellOf = (status: Status, risk: RiskLevel | null, subStatus: unknown): number =>
  verdictIndexOf(status, subStatus) * RISK_COLUMNS.length + RISK_COLUMNS.indexOf(risk);

export interface Cell extends Verdict {
  readonly risk: RiskLevel | null;
}

/** Every cell, by its number. */
export const CELLS: readonly Cell[] = VERDICTS.flatMap((verdict) =>
  RISK_COLUMNS.map((risk) => ({ ...verdict, risk })),
);

/** Values that pass; undefined: all of them. */
export interface CellFilter {
  readonly status?: readonly Status[] | undefined;
  readonly risk?: readonly RiskLevel[] | undefined;
  /** From `REASONS`. */
  readonly reason?: readonly string[] | undefined;
}

/** The numbers of the cells whose results pass a filter; an empty filter passes all. */
export function cellsOf({ status, risk, reason }: CellFilter): number[] {
  const passes = (cell: Cell) =>
    (status?.includes(cell.status) ?? true) &&
    (risk === undefined || (cell.risk !== null && risk.includes(cell.risk))) &&
    (reason === undefined || (cell.category !== null && reason.includes(cell.category)));
  return CELLS.flatMap((cell, number) => (passes(cell) ? [number] : []));
}
