/** Runs the submissions that this gateway has leased, and takes over those that other gateways have left. */

import type { FileId, UserId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { SubmissionProgress } from '../domain/stats.js';
import { Fault } from '../errors.js';
import type { Lease, Submission } from '../store/submissions.js';
import { jittered, pauseUnlessAborted } from '../waiting.js';
import { orderFromText } from './order.js';
import { type SliceDeps, SliceRun } from './slices.js';

export interface SubmissionWorkerOptions extends SliceDeps {
  /** Due submissions are looked for this often. */
  readonly sweepMs: number;
}

/**
 * Submissions worked on in parallel: each holds the addresses of a slice in memory. Those whose callers wait for their first slice
 * come on top. Where as many are worked on, each gives its place away after a slice, to the one that has been due for the longest.
 */
const RUNS_AT_ONCE = 4;
/** Where so many are worked on, a free place is first for a user who has none. */
const FOR_ALL = RUNS_AT_ONCE / 2;

export class SubmissionWorker {
  readonly #stopping = new AbortController();
  /** Each with the user who submits. */
  readonly #runs = new Map<Promise<void>, UserId | null>();
  #sweeping: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(private readonly options: SubmissionWorkerOptions) {}

  /** Looks for submissions without a working gateway, from now on. */
  start(): void {
    this.#sweeping ??= this.#sweep();
  }

  /** Ends after the slices that are being sent have their answers. Calling it twice is a no-op. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#sweeping;
    await Promise.all(this.#runs.keys());
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Works on a submission whose lease this gateway has. Fulfilled once its next slice has an answer, or nothing goes on. */
  run(submission: Submission, lease: Lease): Promise<void> {
    return new Promise((resolve) => {
      const run = new SliceRun(this.options, submission, lease, this.stopping, resolve, () => this.#isFull)
        .run()
        .catch((error: unknown) => {
          const { fileId } = submission;
          this.options.logger.warn({ err: error, fileId }, 'a submission was interrupted and goes on later');
        })
        .finally(() => {
          this.#runs.delete(run);
          this.#wake();
          resolve();
        });
      this.#runs.set(run, orderFromText(submission.order).claimant.userId);
    });
  }

  get #isFull(): boolean {
    return this.#runs.size >= RUNS_AT_ONCE;
  }

  /** Sends uncertain slices of a file's list again. @throws Fault where there is nothing to send again */
  async retry(fileId: FileId, claimant: Claimant): Promise<SubmissionProgress> {
    const { intake } = this.options;
    const { submissions } = this.options.store;
    const submission = await submissions.ofFile(fileId);
    if (submission === null) throw new Fault('not_found', 'the file was not submitted as a list');
    const isAgain = await intake.change(fileId, () => submissions.retry(submission.id, claimant));
    if (!isAgain) throw new Fault('nothing_to_retry');
    this.#wake();
    return (await submissions.ofFile(fileId))?.progress ?? submission.progress;
  }

  async #sweep(): Promise<void> {
    const { logger, sweepMs } = this.options;
    while (!this.stopping.aborted) {
      try {
        if (!this.#isFull && (await this.#takeOne())) continue;
      } catch (error) {
        logger.debug({ err: error }, 'the gateway failed to look for submissions and tries again');
      }
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pauseUnlessAborted(jittered(sweepMs), AbortSignal.any([woken.signal, this.stopping]));
    }
  }

  async #takeOne(): Promise<boolean> {
    const { leases, store } = this.options;
    await leases.renewAll();
    const lease = leases.create();
    const busy = this.#runs.size < FOR_ALL ? [] : [...this.#runs.values()].filter((user) => user !== null);
    const first = busy.length === 0 ? null : await store.submissions.take(lease, busy);
    const submission = first ?? (await store.submissions.take(lease));
    if (submission === null) return false;
    void this.run(submission, lease);
    return true;
  }
}
