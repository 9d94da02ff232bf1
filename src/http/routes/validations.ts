/** Submits addresses to the validator and registers the batches that it makes of them. */
import { setTimeout } from 'node:timers/promises';
import type { Express } from 'express';
import { claimantOf } from '../../auth/access-rules.js';
import type { Principal } from '../../auth/principal.js';
import type { FileId } from '../../domain/id.js';
import { InvalidInput } from '../../domain/invalid-input.js';
import type { Claimant } from '../../domain/ownership.js';
import { ERRORS, Fault } from '../../errors.js';
import type { Registered, Registration } from '../../store/store.js';
import { type Flags, invalidResponse, type Submission, type Validator } from '../../validator/validator.js';
import { callerOf } from '../access.js';
import { type AddressList, readAddressList } from '../address-list.js';
import { validationBody } from '../body-schemas.js';
import { beginClaim, type Claim } from '../claims.js';
import type { HttpDependencies } from '../dependencies.js';
import { IDEMPOTENCY_REPLAYED, Idempotency, idempotencyKey } from '../idempotency.js';
import { idIn } from '../parameters.js';
import { readJson } from '../read-body.js';
import { statusAfter } from '../registration-answer.js';
import { sendJson } from '../responses.js';

/** Registering takes less than this, retries included: an older submission that is still running has died. */
const REGISTERING_MS = 60_000;

interface ValidationRequest {
  readonly fileId: FileId;
  readonly caller: Principal;
  readonly claim: Claim;
  readonly list: AddressList;
  readonly flags: Flags;
}

export function validationRoutes(app: Express, deps: HttpDependencies): void {
  const { config, guard, rateLimit, readiness, store, validator } = deps;
  const body = validationBody(config.MAX_EMAILS_PER_VALIDATION);
  const idempotency = new Idempotency(store.receipts, {
    leaseMs: config.VALIDATOR_TIMEOUT_MS + REGISTERING_MS,
    keepMs: config.IDEMPOTENCY_TTL_MS,
  });

  app.post('/api/files/:fileId/validations', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const caller = callerOf(req);
    const claim = await beginClaim(guard, store.files, fileId);
    await claim.settle(guard.authorize(caller, 'submit', fileId));
    rateLimit.consume(req, res);
    const key = idempotencyKey(req);
    const { emails, flags } = await readJson(req, config.MAX_BODY_BYTES, body);
    const list = await readAddressList(emails);
    if (validator === null) throw new Fault('validator_not_configured');
    // The validator must not do work whose results the gateway could not store.
    if (readiness().length > 0) throw new Fault('unavailable');
    const submit = () => submitAndRegister(deps, validator, { fileId, caller, claim, list, flags });
    const { answer, replayed } =
      key === null
        ? { answer: await submit(), replayed: false }
        : await idempotency.submitOnce(fileId, key, list.digest + JSON.stringify(flags), submit);
    if (replayed) res.setHeader(IDEMPOTENCY_REPLAYED, 'true');
    sendJson(res, answer, 202);
  });
}

/** The JSON of the answer. */
async function submitAndRegister(
  deps: HttpDependencies,
  validator: Validator,
  { fileId, caller, claim, list, flags }: ValidationRequest,
): Promise<string> {
  const { emails, repeats } = list;
  const submission = await validator.submit({
    emails,
    flags,
    userId: caller.sub ?? deps.config.VALIDATOR_USER_ID,
  });
  const registration = registrationOf(fileId, emails.length, submission);
  const update = submission.update === null ? null : Buffer.from(submission.update);
  // Before the registration, which would leave a batch whose only update is refused.
  if (update !== null && update.length > deps.config.MAX_UPDATE_BYTES)
    throw new Fault('payload_too_large', 'the result of this address is larger than an update may be');
  const registered = await claim.settle(register(deps, registration, claimantOf(caller), update));
  const { requestId, totalEmails } = registration;
  const status = await statusAfter(registered, deps.store);
  const replaced = registered.outcome === 'replaced';
  const { batchIds } = submission;
  return JSON.stringify({ fileId, requestId, batchIds, totalEmails, repeats, status, replaced });
}

function registrationOf(
  fileId: FileId,
  totalEmails: number,
  { requestId, batchIds }: Submission,
): Registration {
  // Where there are several batches, the validator does not say the size of each.
  const size = batchIds.length === 1 ? totalEmails : null;
  return {
    fileId,
    // A single batch has no request: its own id tells it from the file's next submission.
    requestId: requestId ?? batchIds[0] ?? null,
    userId: null,
    totalEmails,
    totalBatches: batchIds.length,
    batches: batchIds.map((batchId) => ({ batchId, totalEmails: size })),
  };
}

/** Registers the batches, and stores the update that the validator's answer had in it. */
async function register(
  { intake, logger }: HttpDependencies,
  registration: Registration,
  claimant: Claimant,
  update: Buffer | null,
): Promise<Registered> {
  try {
    const registered = await retry(() => intake.register(registration, claimant));
    if (update !== null) await retry(() => intake.update(update, claimant));
    return registered;
  } catch (error) {
    logger.error(
      { requestId: registration.requestId },
      'a list that the validator accepted could not be registered',
    );
    // Only an id that the validator chose can be wrong here: it belongs to another file.
    if (error instanceof InvalidInput) throw invalidResponse();
    throw error;
  }
}

const RETRY_DELAYS_MS = [50, 200, 800];

/** Unlike the submission, storing may be repeated: a store that is away for a moment does not lose the list. */
async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (const delay of RETRY_DELAYS_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Fault) || !ERRORS[error.code].retryable) throw error;
    }
    await setTimeout(delay);
  }
  return attempt();
}
