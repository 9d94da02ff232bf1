/**
 * The port to the submissions: what is sent to the validator, slice by slice, and how far each slice is. It also answers
 * repeats under an `Idempotency-Key`.
 */
import type { FileId, RequestId, UserId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { SubmissionProgress } from '../domain/stats.js';

/**
 * `waiting` → `sending` → `accepted` → `registered`. A slice that was refused and may be accepted later is `waiting` again.
 * `uncertain`: the validator may have accepted it, but its answer was lost.
 */
export type SliceState = 'waiting' | 'sending' | 'accepted' | 'registered' | 'uncertain';

/**
 * `preparing`: its slices are being written. `open`: a gateway sends and registers them. `stopped`: nothing more happens by
 * itself. `done`: every slice is registered.
 */
export type SubmissionState = 'preparing' | 'open' | 'stopped' | 'done';

export interface NewSubmission {
  readonly id: string;
  readonly fileId: FileId;
  /** Names the caller, the file and the caller's `Idempotency-Key`; null: the caller sent none. */
  readonly key: string | null;
  /** Of what is submitted: the same key with something else is a mistake of the caller. */
  readonly fingerprint: string;
  /** The file's request, where the gateway names it: the file then says how far the submission is. Null: the validator names it. */
  readonly requestId: RequestId | null;
  /** JSON of what a gateway needs to go on with it; only `claimant`, who submits, is read here. Holds no address. */
  readonly order: string;
  /** No other such submission of the file may be under way. */
  readonly isExclusive: boolean;
  /** Slices that are sent at once by the caller, their numbers of addresses. The addresses are not stored. */
  readonly sending: readonly number[];
  /** How long the answer is kept, from now on. */
  readonly keepMs: number;
  readonly lease: Lease;
}

/** The right to work on a submission. It ends by itself where its owner dies. */
export interface Lease {
  /** Names one run of one gateway. */
  readonly owner: string;
  readonly ms: number;
}

export type RefusedClaim = 'in_progress' | 'key_reused' | 'uncertain' | 'file_exists';

export type Claim =
  | { readonly state: 'mine' }
  | { readonly state: RefusedClaim }
  | { readonly state: 'answered'; readonly answer: string }
  /** Its first caller got no answer. Where no gateway works on it, the claimant does now. */
  | { readonly state: 'known'; readonly submission: Submission; readonly isMine: boolean };

export interface Submission {
  readonly id: string;
  readonly fileId: FileId;
  readonly requestId: RequestId | null;
  readonly key: string | null;
  readonly order: string;
  readonly state: SubmissionState;
  readonly progress: SubmissionProgress;
  /** Failures in a row. */
  readonly failures: number;
}

/** The addresses of a slice are stored in pieces of about so many characters: databases bound a record. */
export const STORED_PIECE_CHARS = 256 * 1024;

export interface NewSlice {
  /** Counts from 0. */
  readonly number: number;
  readonly emails: number;
  /** JSON. */
  readonly addresses: string;
}

export interface Slice {
  readonly number: number;
  readonly state: SliceState;
  readonly emails: number;
  /** What the validator answered, as `accept` got it. */
  readonly acceptance: string | null;
}

/** A step of the work on a submission. */
export interface Step {
  /** A slice that changes. The addresses of a registered one are deleted. */
  readonly slice?: {
    readonly number: number;
    readonly state: Exclude<SliceState, 'accepted'>;
    /** Takes the place of what `accept` has kept; left out: that stays. */
    readonly acceptance?: string | null;
  };
  /** Where no slice changes, `stopped` and `done` leave it open and due if there is a slice to send or register after all. */
  readonly state?: SubmissionState;
  /** A stable code; null: there is none. */
  readonly error?: string | null;
  readonly failures?: number;
  /** Addresses in all slices. */
  readonly total?: number;
  readonly order?: string;
  /** JSON for repeats under the key. */
  readonly answer?: string;
  /** The lease goes on for this long, or another gateway may take the submission after it. */
  readonly dueInMs: number;
}

/** `lost`: another gateway works on it. `over`: its file was deleted, or is another request's now. Nothing was changed. */
export type Advanced = 'done' | 'lost' | 'over';

/**
 * One gateway at a time works on a submission. Whatever it does is written before and after each call of the validator, so
 * that another one can go on. A submission and all that it holds goes with its file, and with the file's request.
 */
export interface SubmissionStore {
  /** Begins a submission, with its lease. Of several that claim a key, or a file exclusively, one begins. */
  claim(submission: NewSubmission): Promise<Claim>;
  /** Adds a slice while the submission is being prepared; false: its lease is lost. */
  addSlice(id: string, owner: string, slice: NewSlice): Promise<boolean>;
  /** Leases the submission that no gateway works on and that is due for the longest. Null: there is none but of users to `passOver`. */
  take(lease: Lease, passOver?: readonly UserId[]): Promise<Submission | null>;
  /** False: it is another gateway's, or gone. */
  renew(id: string, lease: Lease): Promise<boolean>;
  /** The first slice that is neither registered nor uncertain; null: there is none. */
  next(id: string): Promise<Slice | null>;
  /** The addresses of a slice as JSON; null: they are gone. */
  addresses(id: string, number: number): Promise<string | null>;
  /** Only the owner of the lease advances a submission. */
  advance(id: string, owner: string, step: Step): Promise<Advanced>;
  /**
   * Keeps what the validator answered to the one that sent the slice, even if its lease is lost or the slice counts as
   * uncertain already. `lost`: the gateway that works on it registers what is kept.
   */
  accept(id: string, owner: string, number: number, acceptance: string): Promise<Advanced>;
  /** Ends a submission: nothing remains of it. Its key is free. */
  end(id: string): Promise<void>;
  /** The list submission of a file's current request; null: there is none. */
  ofFile(fileId: FileId): Promise<Submission | null>;
  /**
   * Makes uncertain slices wait again, and the submission due. False: there is nothing to send again.
   * @throws Fault `file_not_found` where the claimant may not submit the file, or it is gone; nothing changes
   */
  retry(id: string, claimant: Claimant): Promise<boolean>;
  /** What the validator answered to each slice of a submission, in order: each with its number of addresses. */
  slices(id: string): Promise<Slice[]>;
  /** Frees keys whose time is over, and ends what nothing else needs. Called at intervals. */
  dropExpired(): Promise<void>;
}
