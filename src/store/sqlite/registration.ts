/** Registers batches in SQLite, as `UpdateStore.register` says: the rules decide what changes, and this file writes it. */
import type { BatchId, FileId } from '../../domain/id.js';
import type { Claimant } from '../../domain/ownership.js';
import type { Update } from '../../domain/update.js';
import { foreignFile } from '../attribution.js';
import {
  type CurrentRequest,
  foreignBatches,
  namesAnotherRequest,
  planRegistration,
  type RegistrationPlan,
} from '../registration-rules.js';
import type { Registered, RegisteredBatch, Registration } from '../store.js';
import {
  applyUpdate,
  type BatchRow,
  batchOf,
  FIRST_VERSION,
  insertBatch,
  knownBatch,
  writeProgress,
} from './batches/batches.js';
import { type DueRow, dropDue, dueAmong, makeDue } from './batches/due-updates.js';
import { isAnythingHeld, takeHeld } from './batches/held-updates.js';
import type { Database } from './database.js';
import {
  addEndedGeneration,
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
import { endListSubmission } from './submissions/submission-rows.js';

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
    return batch?.generation === before?.generation ? batch?.totalEmails : undefined;
  });
  if (plan.outcome === 'refused') throw foreignFile();
  refuseForeignBatches(db, registration, known);
  if (plan.outcome === 'superseded') addEndedBatches(db, registration, claimant, known, now);
  const batchIds = batches.map(({ batchId }) => batchId);
  if (plan.outcome === 'superseded' || plan.outcome === 'unchanged')
    return {
      outcome: plan.outcome,
      facts: before === undefined ? null : factsOf(before),
      touched: [],
      fresh: [],
      ...(plan.outcome === 'unchanged' && dueAmong(db, batchIds)),
    };

  const generation = generationAfter(db, fileId, before, plan, now);
  const sized = 'sized' in plan ? plan.sized : [];
  for (const { batchId, totalEmails } of sized) writeProgress(db, knownBatch(db, batchId), { totalEmails });
  for (const batch of plan.missing) freeName(db, known.get(batch.batchId));
  addBatches(db, generation, plan.missing, now);
  const filled = applyHeld(db, generation, plan.missing, claimant, now);
  if (plan.outcome !== 'named') touchGeneration(db, generation, now);
  return {
    outcome: plan.outcome === 'named' ? 'unchanged' : plan.outcome,
    facts: factsOf(findGeneration(db, generation) as GenerationRow),
    touched: [...sized, ...plan.missing].map(({ batchId }) => batchId),
    fresh: plan.missing.flatMap((batch) =>
      filled.has(batch.batchId) ? [] : [{ ...batch, version: FIRST_VERSION }],
    ),
    // Of those, and what an earlier call has left.
    ...dueAmong(db, batchIds),
  };
}

type KnownBatches = ReadonlyMap<BatchId, BatchRow | undefined>;

const knownBatches = (db: Database, batches: readonly RegisteredBatch[]): KnownBatches =>
  new Map(batches.map(({ batchId }) => [batchId, batchOf(db, batchId)]));

/** What is known of some batches before they are registered. */
interface CheckedBatches {
  /** The file's request; null: there is no such file. */
  readonly current: CurrentRequest | null;
  /** Batches that it has already. */
  readonly known: number;
  /** Those that are registered for another file. */
  readonly foreign: readonly BatchId[];
}

/** @throws Fault where the claimant may not change the file */
export function checkBatches(db: Database, registration: Registration, claimant: Claimant): CheckedBatches {
  const before = currentGeneration(db, registration.fileId);
  const current = before === undefined ? null : requestOf(before);
  // What the rule says of the batches is not asked for.
  const plan = planRegistration({ ...registration, batches: [] }, claimant, current, false, () => undefined);
  if (plan.outcome === 'refused') throw foreignFile();
  const known = knownBatches(db, registration.batches);
  return {
    current,
    known: [...known.values()].filter(
      (batch) => batch !== undefined && batch.generation === before?.generation,
    ).length,
    foreign: [...foreignIn(db, registration.fileId, known)],
  };
}

function refuseForeignBatches(db: Database, { fileId, batches }: Registration, known: KnownBatches): void {
  const foreign = foreignIn(db, fileId, known);
  if (foreign.size > 0) throw foreignBatches(batches, foreign);
}

function foreignIn(db: Database, fileId: FileId, known: KnownBatches): Set<BatchId> {
  // Most of them are of few generations.
  const owners = new Map<number, GenerationRow | undefined>();
  const foreign = new Set<BatchId>();
  for (const [batchId, batch] of known) {
    if (batch === undefined) continue;
    const { generation } = batch;
    if (!owners.has(generation)) owners.set(generation, findGeneration(db, generation));
    const owner = owners.get(generation);
    if (owner?.state === CURRENT && owner.fileId !== fileId) foreign.add(batchId);
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
    if (before !== undefined) {
      endGeneration(db, before, REPLACED, now);
      endListSubmission(db, fileId, before.requestId);
    }
    return openGeneration(db, fileId, plan.request, now);
  }
  const current = before as GenerationRow;
  if (plan.request !== null) updateRequest(db, current, plan.request);
  return current.generation;
}

/** What is held for batches of a request that is over is dropped, and what comes for them is superseded. */
function addEndedBatches(
  db: Database,
  { fileId, requestId }: Registration,
  claimant: Claimant,
  known: KnownBatches,
  now: number,
): void {
  const unknown = [...known].flatMap(([batchId, batch]) =>
    batch === undefined ? [{ batchId, totalEmails: null }] : [],
  );
  if (unknown.length === 0) return;
  const generation = addEndedGeneration(db, fileId, requestId, now);
  addBatches(db, generation, unknown, now);
  if (!isAnythingHeld(db)) return;
  for (const { batchId } of unknown) takeAtOnce(db, { batchId, generation, isOver: true }, claimant, now);
}

/** A batch of an earlier generation gives its name up. What it has is deleted with the rest of that generation. */
function freeName(db: Database, earlier: BatchRow | undefined): void {
  if (earlier === undefined) return;
  // No batch has such an id: ids have no control characters.
  db.run('UPDATE batches SET batchId = char(10) || number WHERE number = ?', earlier.number);
}

function addBatches(
  db: Database,
  generation: number,
  batches: readonly RegisteredBatch[],
  now: number,
): void {
  const row = db.get<{ batches: number }>(
    'UPDATE generations SET batches = batches + ? WHERE generation = ? RETURNING batches',
    batches.length,
    generation,
  );
  const first = (row?.batches ?? batches.length) - batches.length;
  batches.forEach((batch, index) => {
    insertBatch(db, { ...batch, generation, ordinal: first + index }, now);
  });
}

/** Applies the updates that are held for new batches, or makes them due; answers with the batches that have got theirs. */
function applyHeld(
  db: Database,
  generation: number,
  batches: readonly RegisteredBatch[],
  claimant: Claimant,
  now: number,
): ReadonlySet<BatchId> {
  const filled = new Set<BatchId>();
  if (!isAnythingHeld(db)) return filled;
  for (const { batchId } of batches) {
    const update = takeAtOnce(db, { batchId, generation, isOver: false }, claimant, now);
    if (update === null) continue;
    applyUpdate(db, knownBatch(db, batchId), update, now);
    filled.add(batchId);
  }
  return filled;
}

/** Takes what is held for a new batch; null: nothing, or so much that it becomes due. */
function takeAtOnce(
  db: Database,
  batch: Pick<DueRow, 'batchId' | 'generation'> & { readonly isOver: boolean },
  { userId, isAdmin }: Claimant,
  registeredAt: number,
): Update | null {
  // Of an earlier batch of this name.
  dropDue(db, batch.batchId);
  const taker = { userId, isAdmin, registeredAt };
  const held = takeHeld(db, batch.batchId, taker);
  if (held !== 'later') return held;
  makeDue(db, batch, taker);
  return null;
}
