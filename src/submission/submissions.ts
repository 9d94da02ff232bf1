/** Puts together what a gateway with a validator needs to submit, and how it starts and stops. */
import type { Config } from '../config.js';
import type { FileId, ListId, RequestId } from '../domain/id.js';
import type { Intake } from '../inlet/intake.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../store/store.js';
import type { Validator } from '../validator/validator.js';
import { AddressSubmissions } from './addresses.js';
import { Leases } from './leases.js';
import { ListSubmissions } from './lists.js';
import { SubmissionWorker } from './submission-worker.js';

export interface Submissions {
  readonly addresses: AddressSubmissions;
  readonly lists: ListSubmissions;
  readonly worker: SubmissionWorker;
  /** Goes on with what other gateways have left, from now on. */
  start(): void;
  /** Ends after what is being sent has its answer. Calling it twice is a no-op. */
  close(): Promise<void>;
}

export type SubmissionConfig = Pick<
  Config,
  | 'IDEMPOTENCY_TTL_MS'
  | 'MAX_UPDATE_BYTES'
  | 'SUBMISSION_LEASE_MS'
  | 'SUBMISSION_RETRY_MS'
  | 'SUBMISSION_MAX_RETRY_MS'
  | 'VALIDATOR_SLICE'
>;

interface SubmissionParts {
  readonly store: Store;
  readonly intake: Intake;
  readonly validator: Validator;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Due submissions are looked for at least this often. */
const MAX_SWEEP_MS = 1_000;

export function createSubmissions(config: SubmissionConfig, parts: SubmissionParts): Submissions {
  const { store } = parts;
  const leases = new Leases(store.submissions, config.SUBMISSION_LEASE_MS);
  const attachList = async (listId: ListId, fileId: FileId, requestId: RequestId) => {
    // The list may have ended meanwhile: its addresses are here, only its rows are not.
    if (!(await store.lists.attach(listId, fileId, requestId)))
      parts.logger.warn(
        { fileId },
        'a list ended before its file was submitted; its rows cannot be given back',
      );
  };
  const worker = new SubmissionWorker({
    ...parts,
    leases,
    attachList,
    pause: { firstMs: config.SUBMISSION_RETRY_MS, maxMs: config.SUBMISSION_MAX_RETRY_MS },
    sweepMs: Math.min(MAX_SWEEP_MS, config.SUBMISSION_RETRY_MS),
  });
  const { stopping } = worker;
  const keepMs = config.IDEMPOTENCY_TTL_MS;
  const maxUpdateBytes = config.MAX_UPDATE_BYTES;
  const addresses = new AddressSubmissions({ ...parts, leases, keepMs, maxUpdateBytes, stopping });
  const sliceSize = config.VALIDATOR_SLICE;
  const lists = new ListSubmissions({ ...parts, leases, keepMs, stopping, attachList, sliceSize, worker });
  return {
    addresses,
    lists,
    worker,
    start: () => worker.start(),
    async close() {
      await worker.close();
      await addresses.idle();
    },
  };
}
