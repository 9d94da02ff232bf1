/** Registers what the validator has accepted. Unlike the submission, this may be repeated as often as it takes. */
import { setTimeout } from 'node:timers/promises';
import type { FileId, RequestId } from '../domain/id.js';
import { InvalidInput } from '../domain/invalid-input.js';
import type { Claimant } from '../domain/ownership.js';
import { ERRORS, Fault } from '../errors.js';
import type { Intake } from '../inlet/intake.js';
import type { Registered, Registration } from '../store/store.js';
import { type Acceptance, invalidResponse } from '../validator/validator.js';
import { backoff, pauseUnlessAborted } from '../waiting.js';
import type { SubmissionOrder } from './order.js';

/** What is kept of an acceptance once it is registered: a single result, with its address, is in the file by then. */
export const withoutUpdate = (acceptance: Acceptance): string =>
  JSON.stringify({ ...acceptance, update: null });

export const acceptanceFromText = (text: string): Acceptance => JSON.parse(text) as Acceptance;

/** A slice of a list belongs to the request of the list; addresses that came with their request are a request of their own. */
export function registrationOf(
  fileId: FileId,
  order: SubmissionOrder,
  listRequest: RequestId | null,
  emails: number,
  { requestId, batchIds }: Acceptance,
): Registration {
  // Where there are several batches, the validator does not say the size of each.
  const size = batchIds.length === 1 ? emails : null;
  const batches = batchIds.map((batchId) => ({ batchId, totalEmails: size }));
  const { totalEmails } = order;
  if (listRequest !== null)
    return {
      fileId,
      requestId: listRequest,
      userId: null,
      totalEmails,
      totalBatches: null,
      batches,
      intent: 'continue',
    };
  return {
    fileId,
    // A single batch has no request: its own id tells it from the file's next submission.
    requestId: requestId ?? batchIds[0] ?? null,
    userId: null,
    totalEmails,
    totalBatches: batchIds.length,
    batches,
    ...(order.replace ? {} : { intent: 'create' as const }),
  };
}

/** For a submission whose file was deleted meanwhile: its batches are over with it, unless their request is the file's again. */
const asEnded = (registration: Registration): Registration => ({
  ...registration,
  intent: 'continue',
});

/**
 * Registers the batches, and stores the update that the validator's answer had in it; tries as long as that may help. `isOver`: asked
 * before each try, whether the file of the submission was deleted.
 */
export async function register(
  intake: Intake,
  registration: Registration,
  { update }: Acceptance,
  claimant: Claimant,
  stopping: AbortSignal,
  isOver: () => Promise<boolean> = async () => false,
): Promise<Registered> {
  const attempt = async () =>
    intake.register((await isOver()) ? asEnded(registration) : registration, claimant);
  try {
    const registered = await untilStored(stopping, attempt);
    if (update !== null) await untilStored(stopping, () => intake.update(Buffer.from(update), claimant));
    return registered;
  } catch (error) {
    // It can never be registered, and yet the validator sends what it finds: best effort, as the refusal is what the caller has to know.
    if (!isTransient(error)) await intake.register(asEnded(registration), claimant).catch(() => undefined);
    // Only an id that the validator chose can be wrong here: it belongs to another file.
    if (error instanceof InvalidInput) throw invalidResponse();
    throw error;
  }
}

const RETRY = { firstMs: 50, maxMs: 5_000 };

/** Whether the same call may succeed later: the store is away, full, or busy. */
export const isTransient = (error: unknown): boolean =>
  error instanceof Fault && error.code !== 'validator_unavailable' && ERRORS[error.code].retryable;

/** Tries until it succeeds or can never succeed, or until the gateway stops. */
export async function untilStored<T>(stopping: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || stopping.aborted) throw error;
    }
    await pauseUnlessAborted(backoff(failures, RETRY), stopping);
    // An aborted pause ends at once: the last tries must not follow each other without one.
    if (stopping.aborted) await setTimeout(RETRY.firstMs);
  }
}
