/** Batches: what producers send of them (registrations, updates, failures), and their list. */
import { createHash } from 'node:crypto';
import type { Express } from 'express';
import { z } from 'zod';
import { claimantOf } from '../../auth/access-rules.js';
import type { BatchId, FileId } from '../../domain/id.js';
import { Fault } from '../../errors.js';
import type { BatchState, Registered, Registration } from '../../store/store.js';
import { statusAfter } from '../../submission/registration-answer.js';
import { arrivalOf, callerOf } from '../access.js';
import { type BatchList, batchListBody, failBody } from '../body-schemas.js';
import { decodeCursor, invalidCursor, pageAnswer } from '../cursor.js';
import type { HttpDependencies } from '../dependencies.js';
import { fingerprintOf } from '../idempotency.js';
import { LongWork } from '../long-work.js';
import { watchOwnerRace } from '../owner-race.js';
import { batchesQuery, idIn, readQuery } from '../parameters.js';
import { parseJson } from '../read-body.js';
import { sendJson } from '../responses.js';
import { statsOrNotFound } from './files.js';
import { takeUpdate, UPDATES } from './updates.js';

/** What became of a registration. */
type Outcome = Pick<Registered, 'outcome' | 'facts'>;

/** A position in the list of one generation: the batches of a later request are another list. */
const batchCursor = z.object({ generation: z.string(), ordinal: z.number().int().min(0) });

export function batchRoutes(app: Express, deps: HttpDependencies): void {
  const { answers, bodies, config, guard, intake, snapshots, store } = deps;
  const registrations = new LongWork<Outcome>(config.ANSWER_WITHIN_MS);
  const isCurrent = async ({ facts }: Outcome) =>
    facts !== null && (await store.files.find(facts.fileId))?.generation === facts.generation;
  app.post('/api/files/:fileId/batches', async (req, res) => {
    const id = idIn(req, 'fileId');
    const caller = callerOf(req);
    await guard.authorize(caller, 'report');
    const race = await watchOwnerRace(guard, store.files, id, arrivalOf(req));
    const bytes = await bodies.read(req, res);
    const registration = registrationOf(id, await parseJson(bytes, batchListBody));
    const claimant = claimantOf(caller);
    const key = fingerprintOf(id, claimant, createHash('sha256').update(bytes).digest('base64url'));
    const register = async () => {
      const { outcome, facts } = await bodies.during(req, intake.register(registration, claimant));
      return { outcome, facts };
    };
    const registered = await race.explainRefusal(registrations.run(key, register, isCurrent));
    const { fileId, requestId, totalEmails } = registration;
    const batchIds = registration.batches.map(({ batchId }) => batchId);
    const status = await statusAfter(registered, store);
    sendJson(res, JSON.stringify({ fileId, requestId, batchIds, totalEmails, status }), 201);
  });

  app.post(UPDATES, takeUpdate(deps));

  app.get('/api/files/:fileId/batches', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { limit, cursor, status } = readQuery(req, batchesQuery);
    const after = decodeCursor(cursor, batchCursor);
    const { generation, found } = await guard.readAuthorized(callerOf(req), fileId, async () => {
      const facts = await store.files.find(fileId);
      if (facts === null) throw new Fault('file_not_found');
      if (after !== null && after.generation !== facts.generation) throw invalidCursor();
      const query = { fileId, limit: limit + 1, before: after?.ordinal ?? null, status };
      return { generation: facts.generation, found: await store.files.batchPage(query) };
    });
    await answers.send(
      res,
      pageAnswer(found, limit, listItemOf, ({ ordinal }) => ({ generation, ordinal })),
    );
  });

  app.post('/api/files/:fileId/batches/:batchId/fail', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const batchId = idIn(req, 'batchId');
    const caller = callerOf(req);
    const stats = await guard.whileAuthorized(caller, 'end', fileId, async () => {
      const { reason } = await bodies.json(req, res, failBody);
      const isFound = await intake.fail(fileId, batchId, reason, claimantOf(caller));
      const stats = await statsOrNotFound(snapshots, fileId);
      if (!isFound) throw new Fault('not_found', 'the file has no such batch');
      return stats;
    });
    sendJson(res, stats);
  });
}

/** A batch that is named twice is one batch, with the first size that is given. */
function registrationOf(fileId: FileId, body: BatchList): Registration {
  const sizes = new Map<BatchId, number | null>();
  for (const { batchId, totalEmails } of body.batches) sizes.set(batchId, sizes.get(batchId) ?? totalEmails);
  const batches = [...sizes].map(([batchId, totalEmails]) => ({ batchId, totalEmails }));
  // More batches of the request may be registered later, so their total is not known.
  const { requestId, userId, totalEmails } = body;
  return { fileId, requestId, userId, totalEmails, totalBatches: null, batches };
}

function listItemOf({ batchId, status, summary, lastUpdated }: BatchState) {
  const totalEmails = summary.unsized > 0 ? null : summary.total;
  return {
    batchId,
    status,
    totalEmails,
    processed: summary.processed,
    skipped: summary.skipped,
    since: lastUpdated,
  };
}
