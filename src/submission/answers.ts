/** The answers to a submission request, and the errors. */
import { InvalidInput } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { RefusedClaim } from '../store/submissions.js';

export interface Submitted {
  /** JSON. */
  readonly answer: string;
  /** It is the answer to an earlier request under the same key, or to another one at the same time. */
  readonly isReplayed: boolean;
}

/** The header that names a submission. */
export const IDEMPOTENCY_KEY = 'Idempotency-Key';

export const invalidKey = (message: string) => new InvalidInput([{ field: IDEMPOTENCY_KEY, message }]);

export const keyReusedError = () => invalidKey('was used for another list or other flags');

export const inProgressError = () =>
  new Fault('unavailable', 'a request with the same key is still running', { retryAfterSeconds: 1 });

export const fileExistsError = () =>
  new Fault('file_exists', 'the file exists already; its results are overwritten only with replace: true');

export const answerLostError = () =>
  new Fault(
    'validator_unavailable',
    "the validator's answer to this submission was lost: it may have accepted it. Another key submits it again",
  );

/** Why a submission cannot begin, nor go on. */
export function claimError(state: RefusedClaim): Error {
  switch (state) {
    case 'key_reused':
      return keyReusedError();
    case 'file_exists':
      return fileExistsError();
    case 'uncertain':
      return answerLostError();
    case 'in_progress':
      return inProgressError();
  }
}
