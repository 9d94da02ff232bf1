/** The stats of a file, computed from its totals. */
import type { Epoch, FileId, Generation, RequestId, UserId } from './id.js';
import { recordOf } from './record-of.js';
import { countCells, type Summary } from './summary.js';
import { ratePerSecond } from './throughput.js';
import { RISK_LEVELS, type RiskLevel, STATUSES, type Status, VERDICTS } from './verdict.js';

export const FILE_STATUSES = ['pending', 'processing', 'completed', 'failed', 'purged'] as const;
export type FileStatus = (typeof FILE_STATUSES)[number];

/** How far the submission of a list is, in addresses. */
export interface SubmissionProgress {
  readonly total: number;
  /** Accepted by the validator, and registered. */
  readonly submitted: number;
  /** The validator may have accepted them, but its answer was lost. They are sent again on request only. */
  readonly uncertain: number;
  /** Why nothing is submitted now, a code of the error table; null: nothing is wrong. */
  readonly error: string | null;
}

/** What is stored of a file beside its results. Times are ISO 8601 in UTC. */
export interface FileFacts {
  readonly fileId: FileId;
  /** The current request; null where its producer gave none. */
  readonly requestId: RequestId | null;
  /** The current generation; a later request begins another one. */
  readonly generation: Generation;
  readonly userId: UserId | null;
  /** Addresses in the request, as its caller says; null: not known. */
  readonly totalEmails: number | null;
  /** Batches in the request, as its producer says; null: not known. */
  readonly totalBatches: number | null;
  readonly createdAt: string;
  readonly lastUpdated: string;
  /** Missing where its request was not submitted as a list. */
  readonly submission?: SubmissionProgress;
  /** The totals of its results, if these were deleted after `RETENTION_DAYS`. */
  readonly purged?: Summary;
}

/** Which generation of a file is current, and whose it is. */
export type FileOwner = Pick<FileFacts, 'generation' | 'userId'>;

interface StatusCount {
  count: number;
  categories?: Record<string, number>;
}

/** The totals of a file, always absolute: the payload of `file_stats` and of `GET /files/{fileId}/stats`. */
export interface Stats {
  fileId: FileId;
  epoch: Epoch;
  revision: number;
  status: FileStatus;
  progress: { total: number; processed: number; skipped: number; percentage: number };
  batches: { total: number; completed: number; failed: number; stalled: number };
  stats: Record<Status, StatusCount>;
  risk: Record<RiskLevel, number>;
  /**
   * The recent rate while the file runs, the overall rate once it has ended. Both are null while every batch that has not
   * ended is silent; the ETA is also null while it is not known, and once there is none.
   */
  throughput: { emailsPerSecond: number | null; etaSeconds: number | null };
  /** Null for a file that was not submitted as a list. */
  submission: SubmissionProgress | null;
  /** Null for a file that is not registered. */
  createdAt: string | null;
  lastUpdated: string | null;
  completedAt: string | null;
}

interface StatsInput {
  readonly fileId: FileId;
  readonly facts: FileFacts | null;
  readonly totals: Summary;
  readonly cursor: { readonly epoch: Epoch; readonly revision: number };
  /** Addresses per second, see throughput.ts. */
  readonly recentRate: number;
}

export function statsOf({ fileId, facts, totals, cursor, recentRate }: StatsInput): Stats {
  const batches = Math.max(totals.batches, facts?.totalBatches ?? 0);
  const submission = facts?.submission ?? null;
  const outcome = fileStatus(totals, batches, submission);
  const progress = progressOf(totals, facts?.totalEmails ?? 0, outcome);
  const status = facts?.purged === undefined ? outcome : 'purged';
  return {
    fileId,
    epoch: cursor.epoch,
    revision: cursor.revision,
    status,
    progress,
    batches: { total: batches, completed: totals.completed, failed: totals.failed, stalled: totals.stalled },
    stats: statusCounts((status, category) =>
      countCells(totals, (cell) => cell.status === status && cell.category === category),
    ),
    risk: recordOf(RISK_LEVELS, (level) => countCells(totals, ({ risk }) => risk === level)),
    throughput:
      hasEnded(outcome) && facts !== null
        ? overallThroughput(progress, facts)
        : isSilent(totals)
          ? { emailsPerSecond: null, etaSeconds: null }
          : recentThroughput(progress, recentRate),
    submission,
    createdAt: facts?.createdAt ?? null,
    lastUpdated: facts?.lastUpdated ?? null,
    completedAt: hasEnded(outcome) ? (facts?.lastUpdated ?? null) : null,
  };
}

/** Whether every batch that has not ended is stalled. */
function isSilent({ batches, completed, failed, stalled }: Summary): boolean {
  return stalled > 0 && stalled >= batches - completed - failed;
}

/** Whether nothing more is expected of a file. */
export const hasEnded = (status: FileStatus): boolean =>
  status === 'completed' || status === 'failed' || status === 'purged';

/** `batches`: how many the file has, or will have by what was registered. `begun`: those with a result. */
export function fileStatus(
  { begun, completed, failed }: Pick<Summary, 'begun' | 'completed' | 'failed'>,
  batches: number,
  submission: SubmissionProgress | null,
): FileStatus {
  // More batches come with every slice of a list.
  const areAllKnown = submission === null || submission.submitted >= submission.total;
  if (areAllKnown && batches > 0 && completed + failed >= batches) return failed > 0 ? 'failed' : 'completed';
  return begun + failed > 0 ? 'processing' : 'pending';
}

/** 100 only where all of them are done. */
export const percentageOf = (total: number, done: number): number =>
  total === 0 ? 0 : Math.floor((done * 100) / total);

function progressOf(totals: Summary, declared: number, status: FileStatus): Stats['progress'] {
  const total = Math.max(declared, totals.total);
  // Addresses that were submitted and are in no batch will never get a result: they are skipped too.
  const skipped = status === 'completed' ? total - totals.processed : totals.skipped;
  const share = percentageOf(total, totals.processed + skipped);
  const percentage = status === 'completed' ? 100 : status === 'failed' ? share : Math.min(share, 99);
  return { total, processed: totals.processed, skipped, percentage };
}

/** The counts of all statuses with their categories, from those of the verdicts. */
export function statusCounts(
  countOf: (status: Status, category: string | null) => number,
): Record<Status, StatusCount> {
  const counts = recordOf(STATUSES, (): StatusCount => ({ count: 0 }));
  for (const { status, category } of VERDICTS) {
    const found = countOf(status, category);
    const { count, categories } = counts[status];
    counts[status].count = count + found;
    if (category !== null) counts[status].categories = { ...categories, [category]: found };
  }
  return counts;
}

function overallThroughput(
  { processed }: Stats['progress'],
  { createdAt, lastUpdated }: FileFacts,
): Stats['throughput'] {
  const emailsPerSecond = ratePerSecond(processed, Date.parse(lastUpdated) - Date.parse(createdAt));
  return { emailsPerSecond: rounded(emailsPerSecond), etaSeconds: null };
}

function recentThroughput(
  { total, processed, skipped }: Stats['progress'],
  recentRate: number,
): Stats['throughput'] {
  const etaSeconds = recentRate > 0 ? Math.ceil((total - processed - skipped) / recentRate) : null;
  return { emailsPerSecond: rounded(recentRate), etaSeconds };
}

const rounded = (perSecond: number): number => Math.round(perSecond * 10) / 10;
