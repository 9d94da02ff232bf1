import { setTimeout } from 'node:timers/promises';
import type { Express } from 'express';
import type { Principal } from '../../auth/principal.js';
import { InvalidInput } from '../../domain/invalid-input.js';
import { ERRORS, Fault } from '../../errors.js';
import type { Registered, Registration } from '../../store/store.js';
import type { Flags, Submission, Validator } from '../../validator/validator.js';
import { callerOf } from '../access.js';
import { type AddressList, readAddressList } from '../address-list.js';
import { validationBody } from '../body-schemas.js';
import type { HttpDependencies } from '../dependencies.js';
import { IDEMPOTENCY_REPLAYED, Idempotency, idempotencyKey } from '../idempotency.js';
import { idIn } from '../params.js';
import { readJson } from '../read-body.js';
import { ownerOf, statusAfter } from '../registration-answer.js';
import { sendJson } from '../send-json.js';

/** More than registering takes, with all its tries: after that a submission that is still under way has died. */
const REGISTERING_MS = 60_000;

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
    await guard.admit(caller, 'submit', fileId);
    rateLimit.consume(req, res);
    const key = idempotencyKey(req);
    const { emails: entries, flags } = await readJson(req, config.MAX_BODY_BYTES, body);
    const list = await readAddressList(entries);
    if (validator === null) throw new Fault('validator_not_configured');
    // Nothing is submitted whose answer could not be kept: the validator would work for nobody.
    if (readiness().length > 0) throw new Fault('unavailable');
    const submit = () => submitted(deps, validator, caller, { fileId, list, flags });
    const once =
      key === null
        ? { answer: await submit(), replayed: false }
        : await idempotency.submitOnce(fileId, key, list.digest + JSON.stringify(flags), submit);
    if (once.replayed) res.setHeader(IDEMPOTENCY_REPLAYED, 'true');
    sendJson(res, once.answer, 202);
  });
}

/** Submits a list, registers what the validator makes of it, and says what became of it, as JSON. */
async function submitted(
  deps: HttpDependencies,
  validator: Validator,
  caller: Principal,
  { fileId, list, flags }: { fileId: string; list: AddressList; flags: Flags },
): Promise<string> {
  const { emails, repeats } = list;
  const submission = await validator.submit({
    emails,
    flags,
    userId: caller.sub ?? deps.config.VALIDATOR_USER_ID,
  });
  // The validator takes its time: somebody else may have submitted a file of this name meanwhile.
  await deps.guard.admit(caller, 'submit', fileId);
  const userId = await ownerOf(deps.store, fileId, null, caller);
  const registration = registrationOf(fileId, emails.length, userId, submission);
  const registered = await keep(deps, registration, submission);
  const { batchIds } = submission;
  const { requestId, totalEmails } = registration;
  const status = await statusAfter(registered, deps.store);
  const replaced = registered.outcome === 'replaced';
  return JSON.stringify({ fileId, requestId, batchIds, totalEmails, repeats, status, replaced });
}

function registrationOf(
  fileId: string,
  totalEmails: number,
  userId: string | null,
  { requestId, batchIds }: Submission,
): Registration {
  // Of several batches the validator does not say which is how large.
  const size = batchIds.length === 1 ? totalEmails : null;
  return {
    fileId,
    // A single batch has no request: its own id tells it from the file's next one.
    requestId: requestId ?? batchIds[0] ?? null,
    userId,
    totalEmails,
    totalBatches: batchIds.length,
    batches: batchIds.map((batchId) => ({ batchId, totalEmails: size })),
  };
}

/** Registers what the validator has accepted, and takes in what it has answered already. */
async function keep(
  { config, intake, logger }: HttpDependencies,
  registration: Registration,
  { update }: Submission,
): Promise<Registered> {
  const bytes = update === null ? null : Buffer.from(update);
  // Before the registration: it would leave a batch whose only news cannot be taken.
  if (bytes !== null && bytes.length > config.MAX_UPDATE_BYTES) {
    throw new Fault('payload_too_large', 'the result of this address is larger than an update may be');
  }
  try {
    const registered = await insist(() => intake.register(registration));
    if (bytes !== null) await insist(() => intake.update(bytes));
    return registered;
  } catch (error) {
    logger.error(
      { requestId: registration.requestId },
      'a list that the validator accepted could not be registered',
    );
    // Only the validator's own ids can be wrong here: one that belongs to another file.
    if (error instanceof InvalidInput)
      throw new Fault('validator_unavailable', 'the validator answered nonsense');
    throw error;
  }
}

const RETRY_DELAYS_MS = [50, 200, 800];

/** Submitting cannot be repeated, but registering can; so a store that is away for a moment does not lose the list. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
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
