import { trusted } from 'mongoose';
import type { Registered, Registration } from '../../store.js';
import { findBatches, progressOf } from '../batches/batch-docs.js';
import type { HeldUpdates } from '../batches/held-updates.js';
import { writeProgress } from '../batches/write-batch.js';
import type { BatchHead, FileDoc, PendingRegistration } from '../documents.js';
import { unavailable } from '../errors.js';
import { factsOf, findFile } from '../generations.js';
import type { Models } from '../models.js';
import { planRegistration } from './file-writes.js';
import { completeRegistration, foreignBatches, type RegistrationObserver } from './pending-registrations.js';

/** Others may be faster a few times, not for ever. */
const ATTEMPTS = 100;

/** What a registration has done, told once it is in the database. */
export interface RegistrationEffects extends RegistrationObserver {
  /** A generation ended by it. */
  buried(ended: { _id: string; requestId: string | null }): void;
}

const SUPERSEDED = { outcome: 'superseded', touched: [] } as const;

/** Registers batches, as `Store.register` says. */
export async function register(
  db: Models,
  held: HeldUpdates,
  registration: Registration,
  effects: RegistrationEffects,
): Promise<Registered> {
  const wanted = distinct(registration.batches);
  const batchIds = wanted.map(({ batchId }) => batchId);
  const touched = new Set<string>();
  let outcome: Registered['outcome'] = 'unchanged';
  const answer = (file: FileDoc) => ({ outcome, facts: factsOf(file), touched: [...touched] });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const known = await findBatches(db, batchIds);
    await refuseForeignBatches(db, registration, known);
    const file = await findFile(db, registration.fileId);
    if (file?.pending !== undefined) {
      await completeRegistration(db, held, file, file.pending);
      continue;
    }
    const plan = await planRegistration(db, file, registration, wanted, known);
    if ('file' in plan) return { ...answer(plan.file), ...(plan.kind === 'superseded' ? SUPERSEDED : {}) };

    const resized = await resize(db, plan.sized);
    for (const batchId of resized) touched.add(batchId);
    const begun = await plan.begin();
    if (begun === null) continue;
    if (plan.kind === 'replaced' && file !== null)
      effects.buried({ _id: file.generation, requestId: file.requestId });
    const done =
      begun.pending === undefined || plan.kind === 'named'
        ? begun
        : await completeRegistration(db, held, begun, begun.pending, { kind: plan.kind, ...effects });
    for (const { batchId } of begun.pending?.batches ?? []) touched.add(batchId);
    if (outcome === 'unchanged' && plan.kind !== 'named') outcome = plan.kind;
    if (done !== null && plan.isAll && resized.length === plan.sized.length) return answer(done);
  }
  throw unavailable('too many registrations of one file at once');
}

/** Each batch once, with its size where any of its mentions says one. */
function distinct(batches: Registration['batches']): PendingRegistration['batches'] {
  const sizes = new Map<string, number | null>();
  for (const { batchId, totalEmails } of batches) {
    sizes.set(batchId, sizes.get(batchId) ?? totalEmails);
  }
  return [...sizes].map(([batchId, totalEmails]) => ({ batchId, totalEmails }));
}

async function refuseForeignBatches(
  db: Models,
  { fileId, batches }: Registration,
  known: ReadonlyMap<string, BatchHead>,
): Promise<void> {
  const elsewhere = new Map(
    [...known.values()].flatMap(({ batchId, generation, fileId: of }): [string, string][] =>
      generation === null || of === fileId ? [] : [[batchId, generation]],
    ),
  );
  if (elsewhere.size === 0) return;
  const owners = await db.files
    .find({ generation: trusted({ $in: [...new Set(elsewhere.values())] }) }, { _id: 0, generation: 1 })
    .lean<Pick<FileDoc, 'generation'>[]>()
    .exec();
  const standing = new Set(owners.map(({ generation }) => generation));
  const foreign = [...elsewhere].flatMap(([batchId, generation]) =>
    standing.has(generation) ? [batchId] : [],
  );
  if (foreign.length > 0) throw foreignBatches(batches, new Set(foreign));
}

/** Takes over sizes that were not said before; answers with the batches that have theirs now. */
async function resize(
  db: Models,
  sized: readonly { readonly batch: BatchHead; readonly totalEmails: number }[],
): Promise<string[]> {
  const now = new Date();
  const resized: string[] = [];
  for (const { batch, totalEmails } of sized) {
    const progress = { ...progressOf(batch), totalEmails };
    if ((await writeProgress(db, batch, progress, now)) === 'applied') resized.push(batch.batchId);
  }
  return resized;
}
