/** Submits addresses, or a list that was uploaded, to the validator; sends what is uncertain again. */
import type { Express } from 'express';
import { Fault } from '../../errors.js';
import { ownerOf } from '../../submission/registration-answer.js';
import { fingerprintOf } from '../../submission/submitter.js';
import { callerOf } from '../access.js';
import { readAddressList } from '../address-list.js';
import { validationBody } from '../body-schemas.js';
import type { HttpDependencies } from '../dependencies.js';
import { IDEMPOTENCY_REPLAYED, submissionKey } from '../idempotency.js';
import { idIn } from '../parameters.js';
import { readJson } from '../read-body.js';
import { sendJson } from '../responses.js';

export function validationRoutes(app: Express, deps: HttpDependencies): void {
  const { config, guard, rateLimit, readiness, store, submissions } = deps;
  const body = validationBody(config.MAX_EMAILS_PER_VALIDATION);

  app.post('/api/files/:fileId/validations', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const caller = callerOf(req);
    const authorize = () => guard.authorize(caller, 'submit', fileId);
    await authorize();
    rateLimit.consume(req, res);
    const key = submissionKey(req, fileId, caller);
    const { emails, flags, replace } = await readJson(req, config.MAX_BODY_BYTES, body);
    const list = await readAddressList(emails);
    if (submissions === null) throw new Fault('validator_not_configured');
    // The validator must not do work whose results the gateway could not store.
    if (readiness().length > 0) throw new Fault('unavailable');
    const userId = await ownerOf(store, fileId, null, caller);
    const { answer, isReplayed } = await submissions.addresses.submit({
      ...{ fileId, key, fingerprint: fingerprintOf(list.digest, flags), emails: list.emails, authorize },
      order: {
        ...{ userId, submittedAs: caller.sub ?? config.VALIDATOR_USER_ID, flags, replace, listId: null },
        ...{ totalEmails: list.emails.length, repeats: list.repeats },
      },
    });
    if (isReplayed) res.setHeader(IDEMPOTENCY_REPLAYED, 'true');
    sendJson(res, answer, 202);
  });

  app.post('/api/files/:fileId/validations/retry', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const caller = callerOf(req);
    await guard.authorize(caller, 'submit', fileId);
    if ((await store.files.find(fileId)) === null) throw new Fault('file_not_found');
    rateLimit.consume(req, res);
    if (submissions === null) throw new Fault('validator_not_configured');
    const submission = await submissions.submitter.retry(fileId);
    sendJson(res, JSON.stringify({ fileId, submission }), 202);
  });
}
