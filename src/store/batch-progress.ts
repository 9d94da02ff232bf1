/** How far a batch is, and how updates move it on: decided once for every store. */
import { recordOf } from '../domain/record-of.js';
import type { BatchFlags } from '../domain/summary.js';
import { isNewer, type Update } from '../domain/update.js';
import { BATCH_STATUSES, type BatchCounts, type BatchStatus } from './store.js';

/** All that decides the status of a batch, apart from its results. */
export interface BatchProgress {
  readonly begun: boolean;
  readonly complete: boolean;
  readonly stalled: boolean;
  /** It counts as failed until it gets beyond this many processed; null: it does not count as failed. */
  readonly failedAtCount: number | null;
  readonly totalEmails: number | null;
  readonly processedCount: number;
}

/** A batch that was registered and has had no update. */
export const initialProgress = (totalEmails: number | null): BatchProgress => ({
  begun: false,
  complete: false,
  stalled: false,
  failedAtCount: null,
  totalEmails,
  processedCount: 0,
});

/** A failure that the producer reports: no count of an incomplete list takes it back, only a complete list does. */
const UNTIL_COMPLETE = Number.MAX_SAFE_INTEGER;

const isFailed = ({ complete, failedAtCount, processedCount }: BatchProgress): boolean =>
  !complete && failedAtCount !== null && processedCount <= failedAtCount;

export function statusOf(progress: BatchProgress): BatchStatus {
  if (progress.complete) return 'completed';
  if (isFailed(progress)) return 'failed';
  if (progress.stalled) return 'stalled';
  return progress.begun ? 'running' : 'waiting';
}

export const flagsOf = (progress: BatchProgress): BatchFlags => ({
  begun: progress.begun,
  isComplete: progress.complete,
  isFailed: isFailed(progress),
  isStalled: progress.stalled,
  totalEmails: progress.totalEmails,
});

/** Neither ended nor stalled: watched for silence. */
export const isOpen = (progress: BatchProgress): boolean =>
  !(progress.complete || isFailed(progress) || progress.stalled);

interface ProgressStep {
  readonly progress: BatchProgress;
  /** The update's list takes the place of the stored one. */
  readonly takesList: boolean;
  /** The update ends the batch as failed. */
  readonly fails: boolean;
}

/** Where an update takes its batch; null: there is nothing new in it. */
export function progressAfter(progress: BatchProgress, update: Omit<Update, 'results'>): ProgressStep | null {
  const { begun, complete, processedCount } = progress;
  const takesList = isNewer(update, begun ? { isComplete: complete, processedCount } : null);
  const fails = update.failure !== null && !complete && progress.failedAtCount !== UNTIL_COMPLETE;
  const revives = progress.stalled && update.isFound !== true;
  if (!takesList && !fails && !revives) return null;
  return {
    takesList,
    fails,
    progress: {
      begun: true,
      complete: takesList ? update.isComplete : complete,
      stalled: false,
      failedAtCount: fails ? UNTIL_COMPLETE : progress.failedAtCount,
      totalEmails: takesList ? (update.totalEmails ?? progress.totalEmails) : progress.totalEmails,
      processedCount: takesList ? update.processedCount : processedCount,
    },
  };
}

/** A batch that an operator ends: it stays failed until an update raises `processedCount`. Null: it has ended already. */
export function failedByOperator(progress: BatchProgress): BatchProgress | null {
  if (progress.complete || isFailed(progress)) return null;
  return { ...progress, stalled: false, failedAtCount: progress.processedCount };
}

/** Counts for every status, from the groups that there are; `since` in milliseconds since 1970. */
export function batchCounts(
  groups: readonly { readonly status: BatchStatus; readonly count: number; readonly since: number }[],
): BatchCounts {
  return recordOf(BATCH_STATUSES, (status) => {
    const group = groups.find((one) => one.status === status);
    const since = group === undefined ? null : new Date(group.since).toISOString();
    return { count: group?.count ?? 0, since };
  });
}
