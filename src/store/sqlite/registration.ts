import type { BatchId, FileId } from '../../domain/id.js';
import type { Claimant } from '../../domain/ownership.js';
import { foreignFile } from '../attribution.js';
import {
  foreignBatches,
  namesAnotherRequest,
  planRegistration,
  type RegistrationPlan,
} from '../registration-rules.js';
import type { Registered, RegisteredBatch, Registration } from '../store.js';
import { applyUpdate, type BatchRow, batchOf, insertBatch, knownBatch, writeProgress } from './batches.js';
import { deleteResults } from './clean-up.js';
import type { Database } from './database.js';
import {
  CURRENT,
  currentGeneration,
  endGeneration,
  factsOf,
  findGeneration,
  type GenerationRow,
  hasTombstone,
  openGeneration,
  REPLACED,
  requestOf,
  touchGeneration,
  updateRequest,
} from './generations.js';
import { takeHeld } from './held-updates.js';

/** Registers batches, as `UpdateStore.register` says. */
export function register(
  db: Database,
  registration: Registration,
  claimant: Claimant,
  now: number,
): Registered {
  const { fileId, requestId, batches } = registration;
  const known = knownBatches(db, batches);
  const before = currentGeneration(db, fileId);
  const current = before === undefined ? null : requestOf(before);
  const isOver = namesAnotherRequest(current, requestId) && hasTombstone(db, fileId, requestId);
  const plan = planRegistration(registration, claimant, current, isOver, (batchId) => {
    const batch = known.get(batchId);
    return batch?.generation === before?.generation ? batch?.total_emails : undefined;
  });
  if (plan.outcome === 'refused') throw foreignFile();
  refuseForeignBatches(db, registration, known);
  if (plan.outcome === 'superseded' || plan.outcome === 'unchanged')
    return {
      outcome: plan.outcome,
      facts: before === undefined ? null : factsOf(before),
      touched: [],
      fresh: [],
    };

  const generation = generationAfter(db, fileId, before, plan, now);
  const sized = 'sized' in plan ? plan.sized : [];
  for (const { batchId, totalEmails } of sized) writeProgress(db, knownBatch(db, batchId), { totalEmails });
  const fresh = plan.missing.filter(
    (batch) => !addBatch(db, generation, batch, known.get(batch.batchId), claimant, now),
  );
  if (plan.outcome !== 'named') touchGeneration(db, generation, now);
  return {
    outcome: plan.outcome === 'named' ? 'unchanged' : plan.outcome,
    facts: factsOf(findGeneration(db, generation) as GenerationRow),
    touched: [...sized, ...plan.missing].map(({ batchId }) => batchId),
    fresh: fresh.map(({ batchId }) => batchId),
  };
}

type KnownBatches = ReadonlyMap<BatchId, BatchRow | undefined>;

const knownBatches = (db: Database, batches: readonly RegisteredBatch[]): KnownBatches =>
  new Map(batches.map(({ batchId }) => [batchId, batchOf(db, batchId)]));

/** Of these batches, those that are registered for another file. @throws Fault where the claimant may not change the file */
export function foreignBatchesOf(db: Database, registration: Registration, claimant: Claimant): BatchId[] {
  const before = currentGeneration(db, registration.fileId);
  const current = before === undefined ? null : requestOf(before);
  // What the rule says of the batches is not asked for.
  const plan = planRegistration({ ...registration, batches: [] }, claimant, current, false, () => undefined);
  if (plan.outcome === 'refused') throw foreignFile();
  return [...foreignIn(db, registration.fileId, knownBatches(db, registration.batches))];
}

function refuseForeignBatches(db: Database, { fileId, batches }: Registration, known: KnownBatches): void {
  const foreign = foreignIn(db, fileId, known);
  if (foreign.size > 0) throw foreignBatches(batches, foreign);
}

function foreignIn(db: Database, fileId: FileId, known: KnownBatches): Set<BatchId> {
  const foreign = new Set<BatchId>();
  for (const [batchId, batch] of known) {
    const owner = batch && findGeneration(db, batch.generation);
    if (owner?.state === CURRENT && owner.file_id !== fileId) foreign.add(batchId);
  }
  return foreign;
}

/** Brings a file's request to where a registration takes it; answers with the generation that is current then. */
function generationAfter(
  db: Database,
  fileId: FileId,
  before: GenerationRow | undefined,
  plan: Extract<RegistrationPlan, { missing: unknown }>,
  now: number,
): number {
  if (plan.outcome === 'created' || plan.outcome === 'replaced') {
    if (before !== undefined) endGeneration(db, before.generation, REPLACED, now);
    return openGeneration(db, fileId, plan.request, now);
  }
  const { generation } = before as GenerationRow;
  if (plan.request !== null) updateRequest(db, generation, plan.request);
  return generation;
}

/** True: it begins with an update that was held for it. */
function addBatch(
  db: Database,
  generation: number,
  { batchId, totalEmails }: RegisteredBatch,
  earlier: BatchRow | undefined,
  claimant: Claimant,
  now: number,
): boolean {
  if (earlier !== undefined) {
    // What is left of the batch's earlier generation must go before its name can be used again.
    deleteResults(db, earlier.number);
    db.run('DELETE FROM batches WHERE number = ?', earlier.number);
  }
  const { batches } = db.get<{ batches: number }>(
    'UPDATE generations SET batches = batches + 1 WHERE generation = ? RETURNING batches',
    generation,
  ) ?? { batches: 1 };
  insertBatch(db, { batchId, generation, ordinal: batches - 1, totalEmails }, now);
  const held = takeHeld(db, batchId, claimant);
  for (const update of held) applyUpdate(db, knownBatch(db, batchId), update, now);
  return held.length > 0;
}
