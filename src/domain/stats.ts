import type { Summary } from './summary.js';
import { ratePerSecond } from './throughput.js';
import { RISK_LEVELS, type RiskLevel, STATUSES, type Status, VERDICTS } from './verdict.js';

export type FileStatus = 'pending' | 'processing' | 'completed' | 'failed' | 'purged';

/** What is known of a file beside its results. Times are ISO 8601 in UTC. */
export interface FileFacts {
  readonly fileId: string;
  /** The request whose results stand; null where its producer gave none. */
  readonly requestId: string | null;
  /** Names this request's generation of the file; another one means that a later request took its place. */
  readonly generation: string;
  readonly userId: string | null;
  /** Addresses in the request, as its submitter said; null: not said. */
  readonly totalEmails: number | null;
  /** Batches in the request, as its producer said; null: not said. */
  readonly totalBatches: number | null;
  readonly createdAt: string;
  readonly lastUpdated: string;
  /** What its results added up to, if their addresses were deleted to time. */
  readonly purged?: Summary;
}

export interface Counted {
  count: number;
  categories?: Record<string, number>;
}

/** The totals of a file, always absolute: the payload of `file_stats` and of `GET /files/{fileId}/stats`. */
export interface Stats {
  fileId: string;
  epoch: string;
  revision: number;
  status: FileStatus;
  progress: { total: number; processed: number; skipped: number; percentage: number };
  batches: { total: number; completed: number; failed: number; stalled: number };
  stats: Record<Status, Counted>;
  risk: Record<RiskLevel, number>;
  /** Of late while the file runs, over its whole generation when it is over. The ETA is null while it cannot be told. */
  throughput: { emailsPerSecond: number; etaSeconds: number | null };
  /** Null for a file that nobody has heard of. */
  createdAt: string | null;
  lastUpdated: string | null;
  completedAt: string | null;
}

export interface StatsInput {
  readonly fileId: string;
  readonly facts: FileFacts | null;
  readonly totals: Summary;
  readonly cursor: { readonly epoch: string; readonly revision: number };
  /** Addresses a second, of late. */
  readonly recentRate: number;
}

export function statsOf({ fileId, facts, totals, cursor, recentRate }: StatsInput): Stats {
  const batches = Math.max(totals.batches, facts?.totalBatches ?? 0);
  const outcome = statusOf(totals, batches);
  const progress = progressOf(totals, facts?.totalEmails ?? 0, outcome);
  const status = facts?.purged === undefined ? outcome : 'purged';
  return {
    fileId,
    epoch: cursor.epoch,
    revision: cursor.revision,
    status,
    progress,
    batches: { total: batches, completed: totals.completed, failed: totals.failed, stalled: totals.stalled },
    stats: countsByStatus(totals),
    risk: countsByRisk(totals),
    throughput: isOver(outcome) && facts !== null ? overall(progress, facts) : ofLate(progress, recentRate),
    createdAt: facts?.createdAt ?? null,
    lastUpdated: facts?.lastUpdated ?? null,
    completedAt: isOver(outcome) ? (facts?.lastUpdated ?? null) : null,
  };
}

const isOver = (status: FileStatus): boolean => status === 'completed' || status === 'failed';

function statusOf(totals: Summary, batches: number): FileStatus {
  if (batches > 0 && totals.completed + totals.failed >= batches)
    return totals.failed > 0 ? 'failed' : 'completed';
  return totals.begun + totals.failed > 0 ? 'processing' : 'pending';
}

function progressOf(totals: Summary, declared: number, status: FileStatus): Stats['progress'] {
  const total = Math.max(declared, totals.total);
  // Done means done: addresses that were submitted and are in no batch will never get a verdict either.
  const skipped = status === 'completed' ? total - totals.processed : totals.skipped;
  const share = total === 0 ? 0 : Math.floor(((totals.processed + skipped) * 100) / total);
  const percentage = status === 'completed' ? 100 : status === 'failed' ? share : Math.min(share, 99);
  return { total, processed: totals.processed, skipped, percentage };
}

function countsByStatus(totals: Summary): Record<Status, Counted> {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, { count: 0 } as Counted])) as Record<
    Status,
    Counted
  >;
  VERDICTS.forEach(({ status, category }, index) => {
    const count = totals.verdicts[index] ?? 0;
    counts[status].count += count;
    if (category !== null) counts[status].categories = { ...counts[status].categories, [category]: count };
  });
  return counts;
}

function countsByRisk(totals: Summary): Record<RiskLevel, number> {
  const columns = RISK_LEVELS.length + 1;
  const sum = (column: number) =>
    STATUSES.reduce((all, _, row) => all + (totals.cells[row * columns + column] ?? 0), 0);
  return Object.fromEntries(RISK_LEVELS.map((risk, column) => [risk, sum(column)])) as Record<
    RiskLevel,
    number
  >;
}

function overall(
  { processed }: Stats['progress'],
  { createdAt, lastUpdated }: FileFacts,
): Stats['throughput'] {
  const emailsPerSecond = ratePerSecond(processed, Date.parse(lastUpdated) - Date.parse(createdAt));
  return { emailsPerSecond: rounded(emailsPerSecond), etaSeconds: 0 };
}

function ofLate({ total, processed, skipped }: Stats['progress'], recentRate: number): Stats['throughput'] {
  const etaSeconds = recentRate > 0 ? Math.ceil((total - processed - skipped) / recentRate) : null;
  return { emailsPerSecond: rounded(recentRate), etaSeconds };
}

const rounded = (perSecond: number): number => Math.round(perSecond * 10) / 10;
