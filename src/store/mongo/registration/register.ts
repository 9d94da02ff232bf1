/** Registers batches in MongoDB, as `UpdateStore.register` says. */
import { clock } from '../../../clock.js';
import type { BatchId, Generation } from '../../../domain/id.js';
import type { Claimant } from '../../../domain/ownership.js';
import { foreignFile } from '../../attribution.js';
import {
  batchesAfter,
  foreignBatches,
  namesAnotherRequest,
  planRegistration,
} from '../../registration-rules.js';
import type { FreshBatch, Registered, Registration } from '../../store.js';
import { type ExistingBatch, findBatches, findExistingBatches } from '../batches/batch-docs.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { progressChange, writeBatch } from '../batches/write-batch.js';
import type { EndedGeneration } from '../clean-up/clean-generation.js';
import type { StoredBatch } from '../documents/batches.js';
import type { FileDoc } from '../documents/files.js';
import { unavailable } from '../errors.js';
import { factsOf, filesOfGenerations, findFile, hasTombstone, requestOf } from '../generations.js';
import type { Models } from '../models.js';
import { endListSubmission } from '../submissions/submission-docs.js';
import { endUnknownBatches } from './ended-batches.js';
import { AT_ONCE, writeFile } from './file-writes.js';
import { completeRegistration } from './pending-registrations.js';
import type { RegistrationObserver } from './placement.js';

/** Each failed attempt means that another registration of the file succeeded. */
const ATTEMPTS = 100;

/** What a registration reports once it is in the database. */
interface RegistrationEffects extends Pick<RegistrationObserver, 'placed'> {
  replaced(ended: EndedGeneration): void;
}

/** Registers batches, as `UpdateStore.register` says. A write that loses a race starts over. */
export async function register(
  db: Models,
  held: HeldUpdates,
  registration: Registration,
  claimant: Claimant,
  effects: RegistrationEffects,
): Promise<Registered> {
  const { fileId, requestId } = registration;
  const batchIds = [...new Set(registration.batches.map(({ batchId }) => batchId))];
  const touched = new Set<BatchId>();
  let outcome: Registered['outcome'] = 'unchanged';
  const fresh = new Map<BatchId, FreshBatch & Pick<StoredBatch, 'generation'>>();
  const observer = {
    placed(batches: readonly StoredBatch[]) {
      for (const { batchId, generation, version, totalEmails } of batches)
        fresh.set(batchId, { batchId, generation, version, totalEmails });
      effects.placed(batches);
    },
    filled(batchIds: readonly BatchId[]) {
      for (const batchId of batchIds) fresh.delete(batchId);
    },
  };
  const answer = (file: FileDoc) => ({
    outcome,
    facts: factsOf(file),
    touched: [...touched],
    // An attempt before may have placed them in a generation that is over.
    fresh: [...fresh.values()].flatMap(({ generation, ...batch }) =>
      generation === file.generation ? [batch] : [],
    ),
  });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const known = await findExistingBatches(db, batchIds);
    const file = await findFile(db, fileId);
    if (file?.pending !== undefined) {
      await completeRegistration(db, held, file, file.pending);
      continue;
    }
    const current = file === null ? null : requestOf(file);
    const isOver = namesAnotherRequest(current, requestId) && (await hasTombstone(db, fileId, requestId));
    const plan = planRegistration(registration, claimant, current, isOver, (batchId) => {
      const batch = known.get(batchId);
      return batch?.generation === file?.generation ? batch?.totalEmails : undefined;
    });
    if (plan.outcome === 'refused') throw foreignFile();
    await refuseForeignBatches(db, registration, known);
    if (plan.outcome === 'superseded') {
      await endUnknownBatches(db, held, registration, claimant, known);
      return { outcome: 'superseded', facts: file === null ? null : factsOf(file), touched: [], fresh: [] };
    }
    if (plan.outcome === 'unchanged') return answer(file as FileDoc);

    const sized = 'sized' in plan ? plan.sized : [];
    const resized = await setSizes(db, file?.generation ?? null, sized);
    for (const batchId of resized) touched.add(batchId);
    const written = await writeFile(db, fileId, file, plan, claimant);
    if (written === null) continue;
    if (plan.outcome === 'replaced' && file !== null) {
      await endListSubmission(db, fileId, file.requestId);
      effects.replaced({ _id: file.generation, fileId, requestId: file.requestId });
    }
    const { pending } = written;
    const done =
      pending === undefined || plan.outcome === 'named'
        ? written
        : await completeRegistration(db, held, written, pending, {
            outcome: plan.outcome,
            beginsAnew: registration.generation === undefined && registration.intent !== 'continue',
            ...observer,
          });
    for (const { batchId } of pending?.batches ?? []) touched.add(batchId);
    if (outcome === 'unchanged' && plan.outcome !== 'named') outcome = plan.outcome;
    const isAll = plan.missing.length <= AT_ONCE && resized.length === sized.length;
    if (done !== null && isAll) return answer(done);
  }
  throw unavailable('too many registrations of one file at once');
}

/** Refuses what `register` would refuse, and changes nothing. */
export async function checkRegistration(
  db: Models,
  registration: Registration,
  claimant: Claimant,
): Promise<number> {
  const { fileId, batches } = registration;
  const file = await findFile(db, fileId);
  const current = file === null ? null : requestOf(file);
  // What the rule says of the batches is not asked for.
  const plan = planRegistration({ ...registration, batches: [] }, claimant, current, false, () => undefined);
  if (plan.outcome === 'refused') throw foreignFile();
  // Without those that a registration which was cut off has got places for: they may be among these. And counted before these are
  // looked for, so that none that comes meanwhile counts twice.
  const batchCount = file === null ? 0 : await db.batches.countDocuments({ generation: file.generation });
  const known = await findExistingBatches(
    db,
    batches.map(({ batchId }) => batchId),
  );
  await refuseForeignBatches(db, registration, known);
  const own = [...known.values()].filter(({ generation }) => generation === file?.generation);
  return batchesAfter(registration, current && { ...current, batchCount }, own.length);
}

async function refuseForeignBatches(
  db: Models,
  { fileId, batches }: Registration,
  known: ReadonlyMap<BatchId, ExistingBatch>,
): Promise<void> {
  const elsewhere = [...known.values()].filter((batch) => batch.fileId !== fileId);
  const files = await filesOfGenerations(
    db,
    elsewhere.map(({ generation }) => generation),
  );
  const foreign = elsewhere.filter(({ generation }) => generation !== null && files.has(generation));
  if (foreign.length > 0) throw foreignBatches(batches, new Set(foreign.map(({ batchId }) => batchId)));
}

/** Sets sizes that were not known before; answers with the batches that have theirs now. */
async function setSizes(
  db: Models,
  generation: Generation | null,
  sized: readonly { readonly batchId: BatchId; readonly totalEmails: number }[],
): Promise<BatchId[]> {
  const now = clock.date();
  const known = await findBatches(
    db,
    sized.map(({ batchId }) => batchId),
  );
  const done: BatchId[] = [];
  for (const { batchId, totalEmails } of sized) {
    const batch = known.get(batchId);
    // It is another request's by now, or another call has set its size: the next attempt finds out.
    if (batch === undefined || batch.generation !== generation || batch.totalEmails !== null) continue;
    const written = await writeBatch(db, batch, progressChange(batch, { totalEmails }), now);
    if (written === 'applied') done.push(batchId);
  }
  return done;
}
