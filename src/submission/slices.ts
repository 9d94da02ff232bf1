/** Works on a submission, slice by slice: sends, registers, and writes down each step before and after it. */

import type { FileId, ListId, RequestId } from '../domain/id.js';
import { VALIDATOR } from '../domain/ownership.js';
import type { Intake } from '../inlet/intake.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../store/store.js';
import type { Advanced, Lease, Slice, Step, Submission } from '../store/submissions.js';
import { type Acceptance, type Validator, ValidatorFault } from '../validator/validator.js';
import { backoff } from '../waiting.js';
import type { Leases } from './leases.js';
import { orderFromText, type SubmissionOrder } from './order.js';
import {
  acceptanceFromText,
  isTransient,
  register,
  registrationOf,
  untilStored,
  withoutUpdate,
} from './registering.js';

export interface SliceDeps {
  readonly store: Store;
  readonly intake: Intake;
  readonly validator: Validator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly leases: Leases;
  /** Binds a list to its file's request, with which it goes from then on. */
  readonly attachList: (listId: ListId, fileId: FileId, requestId: RequestId) => Promise<unknown>;
  /** The pause after a failure: the first, doubled up to the longest. */
  readonly pause: { readonly firstMs: number; readonly maxMs: number };
}

/** In `submission.error`: sending again does not help until an operator has fixed the cause, and a caller says so. */
const REFUSED = 'validator_refused';

export class SliceRun {
  readonly #order: SubmissionOrder;
  readonly #isList: boolean;
  #failures: number;
  #addresses: readonly string[] | null = null;

  constructor(
    private readonly deps: SliceDeps,
    private readonly submission: Submission,
    private readonly lease: Lease,
    private readonly stopping: AbortSignal,
    /** Called when a slice has come to an answer, whichever. */
    private readonly onSlice: () => void,
    /** Asked between two slices: whether other submissions may be waiting for their turn. */
    private readonly isCrowded: () => boolean,
  ) {
    this.#order = orderFromText(submission.order);
    this.#isList = submission.requestId !== null;
    this.#failures = submission.failures;
  }

  /** Goes on until there is nothing left to do now, the lease is lost, others have their turn, or the gateway stops. */
  async run(): Promise<void> {
    await this.deps.leases.during(this.submission.id, this.lease, async () => {
      if (this.submission.state === 'preparing' && !(await this.#open())) return;
      while (await this.#step()) if (this.isCrowded()) return void (await this.#pause({ dueInMs: 0 }));
    });
  }

  /** Opens a list whose gateway died before it could; false: nothing was sent of it, and its caller had no answer. */
  async #open(): Promise<boolean> {
    const { store, attachList } = this.deps;
    const { id, fileId, requestId } = this.submission;
    // The file is registered once all slices are written.
    if (requestId === null || (await store.files.find(fileId))?.requestId !== requestId)
      return this.#endSubmission(id);
    if (this.#order.list !== null) await attachList(this.#order.list.listId, fileId, requestId);
    return this.#advance({ state: 'open', dueInMs: this.lease.ms });
  }

  /** False: nothing more can be done now. */
  async #step(): Promise<boolean> {
    if (this.stopping.aborted) {
      await this.#pause({ dueInMs: 0 });
      return false;
    }
    const slice = await this.deps.store.submissions.next(this.submission.id);
    if (slice === null) return this.#finish();
    if (slice.state === 'accepted') return this.#register(slice);
    // The gateway that sent it died before there was an answer.
    if (slice.state === 'sending') return this.#lost(slice, 0);
    return this.#send(slice);
  }

  async #send(slice: Slice): Promise<boolean> {
    const { store, validator, metrics } = this.deps;
    const { submissions } = store;
    const { id } = this.submission;
    const { number } = slice;
    const text = await submissions.addresses(id, number);
    if (text === null) return this.#endSubmission(id);
    this.#addresses = JSON.parse(text) as string[];
    if (!(await this.#advance({ slice: { number, state: 'sending' }, dueInMs: this.lease.ms }))) return false;
    let acceptance: Acceptance;
    try {
      const { flags, submittedAs } = this.#order;
      acceptance = await validator.submit({ emails: this.#addresses, flags, userId: submittedAs });
    } catch (error) {
      if (!(error instanceof ValidatorFault)) throw error;
      metrics.slices.inc({ outcome: error.outcome });
      return await untilStored(this.stopping, () => this.#failed(slice, error));
    } finally {
      this.#addresses = null;
    }
    metrics.slices.inc({ outcome: 'accepted' });
    const kept = JSON.stringify(acceptance);
    const accepted = await untilStored(this.stopping, () =>
      submissions.accept(id, this.lease.owner, number, kept),
    );
    // Where its file is gone, the slice is as well, and yet the validator sends what it finds: its batches have to be known.
    return accepted !== 'lost' && this.#register({ ...slice, acceptance: kept });
  }

  async #failed(slice: Slice, fault: ValidatorFault): Promise<boolean> {
    const { outcome, code, retryAfterSeconds } = fault;
    const pauseMs = this.#pauseMs(code === 'rate_limited' ? retryAfterSeconds : undefined);
    if (outcome === 'lost') return this.#lost(slice, pauseMs, code);
    const again = { slice: { number: slice.number, state: 'waiting' } } as const;
    const failures = this.#failures + 1;
    await this.#pause(
      outcome === 'later'
        ? { ...again, error: code, failures, dueInMs: pauseMs }
        : {
            ...again,
            error: code === 'validator_unavailable' ? REFUSED : code,
            state: 'stopped',
            dueInMs: 0,
          },
    );
    this.onSlice();
    return false;
  }

  /** The later slices go on, after a pause: a validator that loses answers must not lose those of all slices at once. */
  async #lost(slice: Slice, pauseMs: number, error: string | null = null): Promise<boolean> {
    const failures = this.#failures + 1;
    const lost = { slice: { number: slice.number, state: 'uncertain' }, error, failures } as const;
    const isOn =
      pauseMs > 0
        ? await this.#pause({ ...lost, dueInMs: pauseMs })
        : await this.#advance({ ...lost, dueInMs: this.lease.ms });
    this.onSlice();
    return isOn && pauseMs === 0;
  }

  /** Whether the file of addresses that came with their request was deleted; a list's slices go on with their request alone. */
  async #isOver({ number, acceptance }: Slice): Promise<boolean> {
    if (this.#isList) return false;
    const { submissions } = this.deps.store;
    // What is accepted already is not changed.
    return (
      (await submissions.accept(this.submission.id, this.lease.owner, number, acceptance ?? '')) === 'over'
    );
  }

  async #register(slice: Slice): Promise<boolean> {
    const { intake, logger } = this.deps;
    const { fileId, requestId, id } = this.submission;
    const acceptance = acceptanceFromText(slice.acceptance ?? '');
    try {
      const registration = registrationOf(fileId, this.#order, requestId, slice.emails, acceptance);
      // The file is the list's already: a later slice is not asked again who may register it.
      const claimant = this.#isList ? VALIDATOR : this.#order.claimant;
      await register(intake, registration, acceptance, claimant, this.stopping, () => this.#isOver(slice));
    } catch (error) {
      if (isTransient(error)) throw error;
      logger.error({ fileId, err: error }, 'a slice that the validator accepted could not be registered');
      return this.#endSubmission(id);
    }
    this.#failures = 0;
    const isOn = await this.#advance({
      slice: { number: slice.number, state: 'registered', acceptance: withoutUpdate(acceptance) },
      error: null,
      failures: 0,
      dueInMs: this.lease.ms,
    });
    this.onSlice();
    return isOn;
  }

  async #finish(): Promise<boolean> {
    const { submissions } = this.deps.store;
    const slices = await submissions.slices(this.submission.id);
    const isWhole = slices.every(({ state }) => state === 'registered');
    // Without a key no caller will ask for it again. An uncertain one stays: its sender may be late, and not dead.
    if (isWhole && !this.#isList && this.submission.key === null) await submissions.end(this.submission.id);
    else await this.#pause({ state: isWhole ? 'done' : 'stopped', error: null, dueInMs: 0 });
    return false;
  }

  /** The last step of the run: another gateway may go on after it. */
  #pause(step: Step): Promise<boolean> {
    this.deps.leases.release(this.lease);
    return this.#advance(step);
  }

  /** True: the run goes on. */
  async #advance(step: Step): Promise<boolean> {
    const { store, intake } = this.deps;
    const { id, fileId } = this.submission;
    const advance = () => store.submissions.advance(id, this.lease.owner, step);
    const advanced: Advanced = this.#isList ? await intake.change(fileId, advance) : await advance();
    return advanced === 'over' ? this.#endSubmission(id) : advanced === 'done';
  }

  /** Its file is gone, or has another request. */
  async #endSubmission(id: string): Promise<false> {
    await this.deps.store.submissions.end(id);
    return false;
  }

  #pauseMs(retryAfterSeconds: number | undefined): number {
    const { pause } = this.deps;
    const pauseMs = retryAfterSeconds === undefined ? 0 : Math.min(pause.maxMs, retryAfterSeconds * 1000);
    return Math.max(pauseMs, backoff(this.#failures, pause));
  }
}
