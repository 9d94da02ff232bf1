/** How submissions are claimed and advance. The same rules for both stores. */
import type { RequestId, UserId } from '../domain/id.js';
import { type Claimant, mayReplace } from '../domain/ownership.js';
import type { SubmissionProgress } from '../domain/stats.js';
import type { Claim, SliceState, Step, Submission, SubmissionState } from './submissions.js';

/** A submission as the rules need it; times in milliseconds since 1970. */
export interface StoredSubmission extends Submission {
  readonly fingerprint: string;
  readonly answer: string | null;
  readonly dueAt: number;
  readonly expiresAt: number;
  /** The state of its first slice, where it is sent at once. */
  readonly firstSlice: SliceState | null;
  /** Nothing is left of it but its key and its answer. */
  readonly hasEnded: boolean;
}

/** What a claim of a key comes to. `mine`: the key is free, and what is stored under it has to go. */
export function decideClaim(
  stored: StoredSubmission | null,
  fingerprint: string,
  now: number,
): Exclude<Claim, { state: 'file_exists' }> {
  if (stored === null) return { state: 'mine' };
  const isBusy = stored.dueAt > now;
  const isPreparing = isBeingPrepared(stored);
  if (stored.expiresAt <= now && !isBusy && !isPreparing) return { state: 'mine' };
  if (stored.fingerprint !== fingerprint) return { state: 'key_reused' };
  if (stored.answer !== null) return { state: 'answered', answer: stored.answer };
  if (isPreparing) return { state: 'in_progress' };
  if (stored.state === 'preparing') return { state: 'mine' };
  if (stored.requestId !== null) return { state: 'known', submission: stored, isMine: false };
  if (stored.state === 'stopped') return { state: 'uncertain' };
  if (isBusy) return { state: 'in_progress' };
  // Its gateway has died.
  return stored.firstSlice === 'accepted' || stored.firstSlice === 'registered'
    ? { state: 'known', submission: stored, isMine: true }
    : { state: 'uncertain' };
}

/**
 * Its file may be registered already, and would wait for ever if the submission were ended. So a gateway that takes it finds out
 * whether to open or to end it; no claim and no clean-up does.
 */
export const isBeingPrepared = ({ state, hasEnded }: Pick<StoredSubmission, 'state' | 'hasEnded'>): boolean =>
  state === 'preparing' && !hasEnded;

/**
 * Whether a gateway has found nothing left to do. A `retry`, or a late answer, that came after it looked must not be lost: the
 * stores look once more, in the step itself or behind it.
 */
export const isEnd = ({ state, slice }: Step): boolean =>
  slice === undefined && state !== undefined && !isWorkedAt(state);

/** Whether gateways take it, and go on with it. */
export const isWorkedAt = (state: SubmissionState): boolean => state === 'preparing' || state === 'open';

/**
 * Whether a claimant may end a submission of a file that does not exist: another caller may have begun it since the claimant's
 * own file of that id was deleted.
 */
export function mayEndSubmission(
  claimant: Claimant,
  { fileId, order }: Pick<Submission, 'fileId' | 'order'>,
): boolean {
  return mayReplace(claimant, { fileId, userId: submitterOf({ order }), producer: null });
}

/** Null: no user in particular. */
export const submitterOf = ({ order }: Pick<Submission, 'order'>): UserId | null =>
  (JSON.parse(order) as { readonly claimant?: Claimant }).claimant?.userId ?? null;

/** Whether a submission ends with the results of a request that are purged: what is under way may begin the file's next one. */
export const endsWithPurged = (
  { requestId, state }: Pick<Submission, 'requestId' | 'state'>,
  purged: RequestId | null,
): boolean => !isWorkedAt(state) || (requestId !== null && requestId === purged);

/** A submission of a list that is prepared: its file says how far it is, and it goes on without the key that it was claimed by. */
export const isPreparedList = ({ requestId, state }: Pick<Submission, 'requestId' | 'state'>): boolean =>
  requestId !== null && state !== 'preparing';

/** Of a record that has more than its progress. */
export const submissionProgressOf = ({
  total,
  submitted,
  uncertain,
  error,
}: SubmissionProgress): SubmissionProgress => ({
  total,
  submitted,
  uncertain,
  error,
});

/** What a step adds to the progress. */
export type ProgressDelta = Pick<SubmissionProgress, 'submitted' | 'uncertain'>;
export const NO_DELTA: ProgressDelta = { submitted: 0, uncertain: 0 };

export const submissionProgressAfter = (
  before: SubmissionProgress,
  { total, error }: Step,
  delta: ProgressDelta,
): SubmissionProgress => ({
  total: total ?? before.total,
  submitted: before.submitted + delta.submitted,
  uncertain: before.uncertain + delta.uncertain,
  error: error === undefined ? before.error : error,
});

/** What a slice's change of state adds to the progress of its submission. */
export function progressDelta(before: SliceState, after: SliceState, emails: number): ProgressDelta {
  const counted = (state: SliceState) => emails * (Number(after === state) - Number(before === state));
  return { submitted: counted('registered'), uncertain: counted('uncertain') };
}
