import { InvalidInput } from '../../domain/invalid-input.js';
import type { Update } from '../../domain/update.js';
import type { Registered, Registration, Saved } from '../store.js';
import {
  applyTail,
  applyUpdate,
  type BatchRow,
  batchOf,
  insertBatch,
  isBefore,
  type Tail,
  writeBatch,
} from './batches.js';
import { cleanBatch } from './cleanup.js';
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
  touchGeneration,
} from './generations.js';
import { type HeldLimits, hold, takeHeld } from './held-updates.js';

export function register(db: Database, registration: Registration, now: number): Registered {
  refuseForeignBatches(db, registration);
  const before = currentGeneration(db, registration.fileId);
  const generation = generationFor(db, before, registration, now);
  if (generation === null)
    return { outcome: 'superseded', facts: factsOf(before as GenerationRow), touched: [] };

  const described = updateDetails(db, generation, registration);
  const touched: string[] = [];
  for (const { batchId, totalEmails } of registration.batches) {
    const added = addBatch(db, generation, batchId, totalEmails, now);
    const held = added ? takeHeld(db, batchId) : null;
    if (held !== null) applyUpdate(db, existing(db, batchId), held, now);
    if (added) touched.push(batchId);
  }
  const opened = before?.generation !== generation.generation;
  const changed = opened || described || touched.length > 0;
  if (changed) touchGeneration(db, generation.generation, now);
  const outcome = !changed
    ? 'unchanged'
    : !opened
      ? 'extended'
      : before === undefined
        ? 'created'
        : 'replaced';
  return { outcome, facts: factsOf(findGeneration(db, generation.generation) ?? generation), touched };
}

function refuseForeignBatches(db: Database, { fileId, batches }: Registration): void {
  const errors = batches.flatMap(({ batchId }, index) => {
    const batch = batchOf(db, batchId);
    const owner = batch === undefined ? undefined : findGeneration(db, batch.generation);
    const foreign = owner?.state === CURRENT && owner.file_id !== fileId;
    return foreign ? [{ field: `batches[${index}].batchId`, message: 'is registered for another file' }] : [];
  });
  if (errors.length > 0) throw new InvalidInput(errors.slice(0, 10));
}

/** The generation that a registration is about: the one that stands, or a new one; null: the request is over already. */
function generationFor(
  db: Database,
  before: GenerationRow | undefined,
  registration: Registration,
  now: number,
): GenerationRow | null {
  const { fileId, requestId, batches } = registration;
  if (before === undefined) return openGeneration(db, registration, now);
  if (requestId === null || requestId === before.request_id) return before.purged === null ? before : null;
  if (hasTombstone(db, fileId, requestId)) return null;
  if (
    before.request_id === null &&
    batches.some(({ batchId }) => batchOf(db, batchId)?.generation === before.generation)
  ) {
    // The request was registered without a name and says now what it is called.
    db.run('UPDATE generations SET request_id = ? WHERE generation = ?', requestId, before.generation);
    return before;
  }
  endGeneration(db, before.generation, REPLACED, now);
  return openGeneration(db, { ...registration, userId: registration.userId ?? before.user_id }, now);
}

/** Takes over what the registration says of the request as a whole; true: something of it is new. */
function updateDetails(db: Database, generation: GenerationRow, registration: Registration): boolean {
  const totalEmails = registration.totalEmails ?? generation.total_emails;
  const totalBatches = registration.totalBatches ?? generation.total_batches;
  const userId = generation.user_id ?? registration.userId;
  if (
    totalEmails === generation.total_emails &&
    totalBatches === generation.total_batches &&
    userId === generation.user_id
  )
    return false;
  const sql = 'UPDATE generations SET total_emails = ?, total_batches = ?, user_id = ? WHERE generation = ?';
  db.run(sql, totalEmails, totalBatches, userId, generation.generation);
  return true;
}

/** Adds a batch to a generation, or its size to a batch that is there; false: it is known as it is. */
function addBatch(
  db: Database,
  generation: GenerationRow,
  batchId: string,
  totalEmails: number | null,
  now: number,
): boolean {
  const known = batchOf(db, batchId);
  if (known?.generation === generation.generation) {
    if (totalEmails === null || known.total_emails !== null) return false;
    writeBatch(db, known, { ...known, version: known.version + 1, total_emails: totalEmails }, null);
    return true;
  }
  if (known !== undefined) {
    // What is left of the batch's earlier generation must go before its name can be used again.
    cleanBatch(db, known.number);
    db.run('DELETE FROM batches WHERE number = ?', known.number);
  }
  const { batches } = db.get<{ batches: number }>(
    'UPDATE generations SET batches = batches + 1 WHERE generation = ? RETURNING batches',
    generation.generation,
  ) ?? { batches: 1 };
  insertBatch(db, { batchId, generation: generation.generation, ordinal: batches - 1, totalEmails }, now);
  return true;
}

function existing(db: Database, batchId: string): BatchRow {
  const row = batchOf(db, batchId);
  if (row === undefined) throw new Error('a batch that was just registered is not there');
  return row;
}

export function saveUpdate(db: Database, update: Update, holding: HeldLimits, now: number): Saved {
  const owner =
    update.fileId === null ? attribute(db, update) : attributeNamed(db, update, update.fileId, now);
  if (owner === 'nobody') {
    hold(db, update, holding, now);
    return { outcome: 'held', fileId: null };
  }
  if (owner === 'over') return { outcome: 'superseded', fileId: null };
  const applied = applyUpdate(db, owner.batch ?? existing(db, update.batchId), update, now);
  return { outcome: applied || owner.touched ? 'applied' : 'unchanged', fileId: owner.fileId };
}

/** Stores an update that adds to what is stored; null: it does not, or is unusual in another way, so all of it is needed. */
export function saveTail(db: Database, tail: Tail, now: number): Saved | null {
  const batch = batchOf(db, tail.batchId);
  if (batch === undefined || !isBefore(batch, tail)) return null;
  const generation = findGeneration(db, batch.generation);
  if (generation?.state !== CURRENT) return null;
  if (tail.fileId !== null && (tail.fileId !== generation.file_id || !isKnownRequest(tail, generation)))
    return null;
  const applied = applyTail(db, batch, tail, now);
  return { outcome: applied ? 'applied' : 'unchanged', fileId: generation.file_id };
}

/** `batch`: as it stands; undefined: it was just registered. */
type Attribution = { fileId: string; touched: boolean; batch?: BatchRow } | 'nobody' | 'over';

function attribute(db: Database, { batchId }: Update): Attribution {
  const batch = batchOf(db, batchId);
  if (batch === undefined) return 'nobody';
  const generation = findGeneration(db, batch.generation);
  return generation?.state === CURRENT ? { fileId: generation.file_id, touched: false, batch } : 'over';
}

/** A message that names its file registers its batch; but late news never brings back what was replaced or removed. */
function attributeNamed(db: Database, update: Update, fileId: string, now: number): Attribution {
  const { batchId, requestId, totalBatches } = update;
  const batch = batchOf(db, batchId);
  const generation = batch === undefined ? undefined : findGeneration(db, batch.generation);
  if (generation?.state === CURRENT && generation.file_id !== fileId) {
    throw new InvalidInput([
      { field: 'fileId', message: 'is not the file that the batch is registered for' },
    ]);
  }
  if (batch !== undefined && generation?.state === CURRENT && isKnownRequest(update, generation)) {
    return { fileId, touched: false, batch };
  }
  // A deleted file may have been registered anew under the same request: then it stands again.
  const ended =
    requestId !== null &&
    requestId !== currentGeneration(db, fileId)?.request_id &&
    hasTombstone(db, fileId, requestId);
  const overtaken =
    generation !== undefined &&
    generation.state !== CURRENT &&
    (requestId === null || requestId === generation.request_id);
  if (ended || overtaken) return 'over';
  const { outcome } = register(
    db,
    {
      fileId,
      requestId,
      userId: null,
      totalEmails: null,
      totalBatches,
      batches: [{ batchId, totalEmails: null }],
    },
    now,
  );
  return outcome === 'superseded' ? 'over' : { fileId, touched: outcome !== 'unchanged' };
}

/** Most messages of a batch repeat what its first one has registered. */
const isKnownRequest = (
  { requestId, totalBatches }: Omit<Update, 'results'>,
  generation: GenerationRow,
): boolean =>
  (requestId ?? generation.request_id) === generation.request_id &&
  (totalBatches ?? generation.total_batches) === generation.total_batches;
