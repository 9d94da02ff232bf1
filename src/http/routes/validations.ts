/** Submits addresses, or a list that was uploaded, to the validator; sends what is uncertain again. */
import type { Express } from 'express';
import type { z } from 'zod';
import { claimantOf } from '../../auth/access-rules.js';
import type { Principal } from '../../auth/principal.js';
import { clock } from '../../clock.js';
import type { ListId } from '../../domain/id.js';
import { InvalidInput } from '../../domain/invalid-input.js';
import { Fault } from '../../errors.js';
import { addressKey } from '../../lists/address.js';
import type { ListReader } from '../../lists/list-reader.js';
import type { OpenList } from '../../submission/lists.js';
import { arrivalOf, callerOf } from '../access.js';
import { type AddressList, readAddressList } from '../address-list.js';
import { validationBody } from '../body-schemas.js';
import type { HttpDependencies } from '../dependencies.js';
import { fingerprintOf, IDEMPOTENCY_REPLAYED, submissionKey } from '../idempotency.js';
import { bytesOf } from '../lists/uploaded-list.js';
import { watchOwnerRace } from '../owner-race.js';
import { idIn } from '../parameters.js';
import { sendJson } from '../responses.js';

type ValidationBody = z.output<ReturnType<typeof validationBody>>;

export function validationRoutes(app: Express, deps: HttpDependencies, reader: ListReader): void {
  const { answers, bodies, config, guard, rateLimit, readiness, store, submissions } = deps;
  const body = validationBody(config.MAX_EMAILS_PER_VALIDATION);

  app.post('/api/files/:fileId/validations', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const caller = callerOf(req);
    const race = await watchOwnerRace(guard, store.files, fileId, arrivalOf(req));
    await race.explainRefusal(guard.authorize(caller, 'submit', fileId));
    rateLimit.consume(req, res);
    const key = submissionKey(req, fileId, caller);
    const request = await bodies.json(req, res, body);
    const { flags, replace } = request;
    const given = await readGiven(request);
    if (submissions === null) throw new Fault('validator_not_configured');
    // The validator must not do work whose results the gateway could not store.
    if (readiness().length > 0) throw new Fault('unavailable');
    const order = {
      claimant: claimantOf(caller),
      submittedAs: caller.sub ?? config.VALIDATOR_USER_ID,
      flags,
      replace,
    };
    const submitted =
      'emails' in given
        ? submissions.addresses.submit({
            fileId,
            key,
            emails: given.emails,
            fingerprint: fingerprintOf(given.digest, flags),
            order: { ...order, list: null, totalEmails: given.emails.length, repeats: given.repeats },
          })
        : submissions.lists.submit({
            fileId,
            key,
            keepsRepeats: given.keepsRepeats,
            dedupKey: addressKey,
            fingerprint: fingerprintOf(given.listId, given.column, given.keepsRepeats, flags),
            order,
            open: (id) => openList(given, id, deps, reader, caller, rateLimit.callerName(req)),
          });
    const { answer, isReplayed } = await race.explainRefusal(bodies.during(req, submitted));
    if (isReplayed) res.setHeader(IDEMPOTENCY_REPLAYED, 'true');
    await answers.send(res, answer, 202);
  });

  app.post('/api/files/:fileId/validations/retry', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const caller = callerOf(req);
    const submission = await guard.whileAuthorized(caller, 'submit', fileId, async () => {
      if ((await store.files.find(fileId)) === null) throw new Fault('file_not_found');
      rateLimit.consume(req, res);
      if (submissions === null) throw new Fault('validator_not_configured');
      return submissions.worker.retry(fileId, claimantOf(caller));
    });
    sendJson(res, JSON.stringify({ fileId, submission }), 202);
  });
}

interface GivenList {
  readonly listId: ListId;
  /** Null: the caller leaves it to what was found in the list. */
  readonly column: number | null;
  readonly keepsRepeats: boolean;
}

/** What is to be submitted: addresses, or a list. @throws InvalidInput */
async function readGiven({
  emails,
  listId,
  column,
  repeats,
}: ValidationBody): Promise<AddressList | GivenList> {
  if (emails !== null && listId !== null)
    throw new InvalidInput([{ field: 'listId', message: 'must not be given beside emails' }]);
  if (emails !== null) return readAddressList(emails);
  if (listId === null) throw new InvalidInput([{ field: 'emails', message: 'is missing, and so is listId' }]);
  return { listId, column, keepsRepeats: repeats === 'keep' };
}

/** The addresses of a caller's list. @throws Fault `list_not_found`; InvalidInput naming `listId` or `column` */
async function openList(
  { listId, column }: GivenList,
  submissionId: string,
  { listTtlMs, store: { lists } }: HttpDependencies,
  reader: ListReader,
  { sub }: Principal,
  callerName: string,
): Promise<OpenList> {
  const list = await lists.find(listId);
  if (list === null || list.userId !== sub) throw new Fault('list_not_found');
  if (list.fileId !== null)
    throw new InvalidInput([{ field: 'listId', message: 'belongs to a file already; upload it again' }]);
  const { summary } = list;
  const chosen = column ?? summary.emailColumn;
  if (chosen === null)
    throw new InvalidInput([{ field: 'column', message: 'must be said: several columns have addresses' }]);
  if (chosen >= summary.columns.length)
    throw new InvalidInput([{ field: 'column', message: 'the list has no such column' }]);
  // It must not end while it is read, nor become another file's.
  if (!(await lists.reserve(listId, submissionId, clock.now() + listTtlMs))) {
    if ((await lists.find(listId)) === null) throw new Fault('list_not_found');
    throw new InvalidInput([{ field: 'listId', message: 'is being submitted already; upload it again' }]);
  }
  return {
    list: { listId, column: chosen },
    addresses: reader.addresses(callerName, bytesOf(lists, list), summary, chosen),
  };
}
