/** What many files add up to: the counts that each file adds, and the answer of `GET /stats`. */
import type { UserId } from './id.js';
import { recordOf } from './record-of.js';
import { FILE_STATUSES, type FileStatus, percentageOf, type Stats, statusCounts } from './stats.js';
import { RISK_LEVELS, type RiskLevel, type Status, VERDICTS } from './verdict.js';

/** Counts by name, without zeros. Those of several files are added up name by name. */
export type Counts = Readonly<Record<string, number>>;

/** The totals of all files that a caller may see. */
export interface Overview {
  files: { total: number } & Record<FileStatus, number>;
  progress: Stats['progress'];
  stats: Stats['stats'];
  risk: Record<RiskLevel, number>;
  /** Time of the last change; null: there is no file. */
  lastUpdated: string | null;
}

const nameOfVerdict = (status: Status, category: string | null): string =>
  category === null ? status : `${status}:${category}`;

/** What a file adds. */
export function countsOf({ status, progress, stats, risk }: Stats): Counts {
  const counts: Record<string, number> = {};
  const count = (name: string, value: number) => {
    if (value !== 0) counts[name] = value;
  };
  count(`file:${status}`, 1);
  count('total', progress.total);
  count('processed', progress.processed);
  count('skipped', progress.skipped);
  for (const { status, category } of VERDICTS) {
    const { count: all, categories } = stats[status];
    count(nameOfVerdict(status, category), category === null ? all : (categories?.[category] ?? 0));
  }
  for (const level of RISK_LEVELS) count(`risk:${level}`, risk[level]);
  return counts;
}

/** `after` − `before`. */
export function difference(after: Counts, before: Counts): Counts {
  const changed: Record<string, number> = {};
  for (const name of new Set([...Object.keys(after), ...Object.keys(before)])) {
    const by = (after[name] ?? 0) - (before[name] ?? 0);
    if (by !== 0) changed[name] = by;
  }
  return changed;
}

/** The sum of all files. No user's id is empty. */
export const ALL_FILES = '';

/** What a file adds to the sum of all files and to that of its owner; `userId` null: it has none. */
interface OwnedCounts {
  readonly userId: UserId | null;
  readonly counts: Counts;
}

/** What is added to which sums when a file counts as `after` instead of as `before`. */
export function additionsOf(before: OwnedCounts, after: OwnedCounts): { owner: UserId; by: Counts }[] {
  const added = (owner: UserId, { userId, counts }: OwnedCounts): Counts =>
    owner === ALL_FILES || owner === userId ? counts : {};
  return [...new Set([ALL_FILES, before.userId, after.userId])].flatMap((owner) =>
    owner === null ? [] : [{ owner, by: difference(added(owner, after), added(owner, before)) }],
  );
}

export function sumOf(all: readonly Counts[]): Counts {
  const sum: Record<string, number> = {};
  for (const counts of all)
    for (const [name, value] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

/** `lastUpdated`: milliseconds since 1970; 0: there is no file. */
export function overviewOf(counts: Counts, lastUpdated: number): Overview {
  const of = (name: string): number => counts[name] ?? 0;
  const byStatus = recordOf(FILE_STATUSES, (status) => of(`file:${status}`));
  const [total, processed, skipped] = [of('total'), of('processed'), of('skipped')];
  return {
    files: { total: FILE_STATUSES.reduce((sum, status) => sum + byStatus[status], 0), ...byStatus },
    progress: { total, processed, skipped, percentage: percentageOf(total, processed + skipped) },
    stats: statusCounts((status, category) => of(nameOfVerdict(status, category))),
    risk: recordOf(RISK_LEVELS, (level) => of(`risk:${level}`)),
    lastUpdated: lastUpdated === 0 ? null : new Date(lastUpdated).toISOString(),
  };
}
