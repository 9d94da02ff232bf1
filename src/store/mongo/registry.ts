import { trusted } from 'mongoose';
import type { Registered, Registration } from '../store.js';
import { headsOf, progressOf } from './batch-docs.js';
import { restandBatch } from './batches.js';
import type { Batch, FileDoc, Intent } from './documents.js';
import { unavailable } from './errors.js';
import type { Held } from './held.js';
import { carryOut, foreignBatches, type Placed } from './intents.js';
import { factsOf, fileOf } from './lives.js';
import type { Models } from './models.js';
import { planOf } from './plans.js';

/** Others may be faster a few times, not for ever. */
const ATTEMPTS = 100;

/** What a registration has done, told once it is in the database. */
export interface Effects extends Placed {
  /** A life ended by it. */
  buried(ended: { _id: string; requestId: string | null }): void;
}

const SUPERSEDED = { outcome: 'superseded', touched: [] } as const;

/** Registers batches, as `Store.register` says. */
export async function register(
  db: Models,
  held: Held,
  registration: Registration,
  effects: Effects,
): Promise<Registered> {
  const wanted = distinct(registration.batches);
  const batchIds = wanted.map(({ batchId }) => batchId);
  const touched = new Set<string>();
  let outcome: Registered['outcome'] = 'unchanged';
  const answer = (file: FileDoc) => ({ outcome, facts: factsOf(file), touched: [...touched] });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const known = await headsOf(db, batchIds);
    await refuseForeign(db, registration, known);
    const file = await fileOf(db, registration.fileId);
    if (file?.intent !== undefined) {
      await carryOut(db, held, file, file.intent);
      continue;
    }
    const plan = await planOf(db, file, registration, wanted, known);
    if ('file' in plan) return { ...answer(plan.file), ...(plan.kind === 'superseded' ? SUPERSEDED : {}) };

    const resized = await resize(db, plan.sized);
    for (const batchId of resized) touched.add(batchId);
    const begun = await plan.begin();
    if (begun === null) continue;
    if (plan.kind === 'replaced' && file !== null)
      effects.buried({ _id: file.life, requestId: file.requestId });
    const done =
      begun.intent === undefined || plan.kind === 'named'
        ? begun
        : await carryOut(db, held, begun, begun.intent, { kind: plan.kind, ...effects });
    for (const { batchId } of begun.intent?.batches ?? []) touched.add(batchId);
    if (outcome === 'unchanged' && plan.kind !== 'named') outcome = plan.kind;
    if (done !== null && plan.isAll && resized.length === plan.sized.length) return answer(done);
  }
  throw unavailable('too many registrations of one file at once');
}

/** Each batch once, with its size where any of its mentions says one. */
function distinct(batches: Registration['batches']): Intent['batches'] {
  const sizes = new Map<string, number | null>();
  for (const { batchId, totalEmails } of batches) {
    sizes.set(batchId, sizes.get(batchId) ?? totalEmails);
  }
  return [...sizes].map(([batchId, totalEmails]) => ({ batchId, totalEmails }));
}

async function refuseForeign(
  db: Models,
  { fileId, batches }: Registration,
  known: ReadonlyMap<string, Batch>,
): Promise<void> {
  const elsewhere = new Map(
    [...known.values()].flatMap(({ batchId, life, fileId: of }): [string, string][] =>
      life === null || of === fileId ? [] : [[batchId, life]],
    ),
  );
  if (elsewhere.size === 0) return;
  const owners = await db.files
    .find({ life: trusted({ $in: [...new Set(elsewhere.values())] }) }, { _id: 0, life: 1 })
    .lean<Pick<FileDoc, 'life'>[]>()
    .exec();
  const standing = new Set(owners.map(({ life }) => life));
  const foreign = [...elsewhere].flatMap(([batchId, life]) => (standing.has(life) ? [batchId] : []));
  if (foreign.length > 0) throw foreignBatches(batches, new Set(foreign));
}

/** Takes over sizes that were not said before; answers with the batches that have theirs now. */
async function resize(
  db: Models,
  sized: readonly { readonly batch: Batch; readonly totalEmails: number }[],
): Promise<string[]> {
  const now = new Date();
  const resized: string[] = [];
  for (const { batch, totalEmails } of sized) {
    const progress = { ...progressOf(batch), totalEmails };
    if ((await restandBatch(db, batch, progress, now)) === 'applied') resized.push(batch.batchId);
  }
  return resized;
}
