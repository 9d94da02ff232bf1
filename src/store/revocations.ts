/** The port to the revocations of tokens. */
import type { UserId } from '../domain/id.js';

/** The tokens of a user that were issued before `at` (milliseconds since 1970) are refused. */
export interface Revocation {
  readonly sub: UserId;
  readonly at: number;
}

/**
 * The revocations of all users, one each, the latest. They are kept for good: no gateway knows when the last token of an
 * issuer ends, and only a caller with the scope `admin` adds any.
 */
export interface RevocationStore {
  /** Keeps the later of this revocation and the user's kept one. */
  add(revocation: Revocation): Promise<void>;
  /** Those that were added since an earlier answer's `mark` (null: all). Some of them may be returned again. */
  since(mark: number | null): Promise<{ readonly revocations: readonly Revocation[]; readonly mark: number }>;
}
