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
import { cleanBatch } from './cleaning.js';
import type { Database } from './database.js';
import { type Holding, hold, takeHeld } from './held.js';
import {
  endLife,
  factsOf,
  hasEnded,
  type LifeRow,
  lifeOf,
  openLife,
  REPLACED,
  STANDS,
  standing,
  touchLife,
} from './lives.js';

export function register(db: Database, registration: Registration, now: number): Registered {
  refuseForeignBatches(db, registration);
  const before = standing(db, registration.fileId);
  const life = lifeFor(db, before, registration, now);
  if (life === null) return { outcome: 'superseded', facts: factsOf(before as LifeRow), touched: [] };

  const described = describe(db, life, registration);
  const touched: string[] = [];
  for (const { batchId, totalEmails } of registration.batches) {
    const added = addBatch(db, life, batchId, totalEmails, now);
    const held = added ? takeHeld(db, batchId) : null;
    if (held !== null) applyUpdate(db, existing(db, batchId), held, now);
    if (added) touched.push(batchId);
  }
  const opened = before?.life !== life.life;
  const changed = opened || described || touched.length > 0;
  if (changed) touchLife(db, life.life, now);
  const outcome = !changed
    ? 'unchanged'
    : !opened
      ? 'extended'
      : before === undefined
        ? 'created'
        : 'replaced';
  return { outcome, facts: factsOf(lifeOf(db, life.life) ?? life), touched };
}

function refuseForeignBatches(db: Database, { fileId, batches }: Registration): void {
  const errors = batches.flatMap(({ batchId }, index) => {
    const batch = batchOf(db, batchId);
    const owner = batch === undefined ? undefined : lifeOf(db, batch.life);
    const foreign = owner?.state === STANDS && owner.file_id !== fileId;
    return foreign ? [{ field: `batches[${index}].batchId`, message: 'is registered for another file' }] : [];
  });
  if (errors.length > 0) throw new InvalidInput(errors.slice(0, 10));
}

/** The life that a registration is about: the one that stands, or a new one; null: the request is over already. */
function lifeFor(
  db: Database,
  before: LifeRow | undefined,
  registration: Registration,
  now: number,
): LifeRow | null {
  const { fileId, requestId, batches } = registration;
  if (before === undefined) return openLife(db, registration, now);
  if (requestId === null || requestId === before.request_id) return before.purged === null ? before : null;
  if (hasEnded(db, fileId, requestId)) return null;
  if (
    before.request_id === null &&
    batches.some(({ batchId }) => batchOf(db, batchId)?.life === before.life)
  ) {
    // The request was registered without a name and says now what it is called.
    db.run('UPDATE lives SET request_id = ? WHERE life = ?', requestId, before.life);
    return before;
  }
  endLife(db, before.life, REPLACED, now);
  return openLife(db, { ...registration, userId: registration.userId ?? before.user_id }, now);
}

/** Takes over what the registration says of the request as a whole; true: something of it is new. */
function describe(db: Database, life: LifeRow, registration: Registration): boolean {
  const totalEmails = registration.totalEmails ?? life.total_emails;
  const totalBatches = registration.totalBatches ?? life.total_batches;
  const userId = life.user_id ?? registration.userId;
  if (totalEmails === life.total_emails && totalBatches === life.total_batches && userId === life.user_id)
    return false;
  const sql = 'UPDATE lives SET total_emails = ?, total_batches = ?, user_id = ? WHERE life = ?';
  db.run(sql, totalEmails, totalBatches, userId, life.life);
  return true;
}

/** Adds a batch to a life, or its size to a batch that is there; false: it is known as it is. */
function addBatch(
  db: Database,
  life: LifeRow,
  batchId: string,
  totalEmails: number | null,
  now: number,
): boolean {
  const known = batchOf(db, batchId);
  if (known?.life === life.life) {
    if (totalEmails === null || known.total_emails !== null) return false;
    writeBatch(db, known, { ...known, version: known.version + 1, total_emails: totalEmails }, null);
    return true;
  }
  if (known !== undefined) {
    // What is left of the batch's earlier life must go before its name can be used again.
    cleanBatch(db, known.number);
    db.run('DELETE FROM batches WHERE number = ?', known.number);
  }
  const { batches } = db.get<{ batches: number }>(
    'UPDATE lives SET batches = batches + 1 WHERE life = ? RETURNING batches',
    life.life,
  ) ?? { batches: 1 };
  insertBatch(db, { batchId, life: life.life, ordinal: batches - 1, totalEmails }, now);
  return true;
}

function existing(db: Database, batchId: string): BatchRow {
  const row = batchOf(db, batchId);
  if (row === undefined) throw new Error('a batch that was just registered is not there');
  return row;
}

export function save(db: Database, update: Update, holding: Holding, now: number): Saved {
  const owner = update.fileId === null ? ownerOf(db, update) : registerBySelf(db, update, update.fileId, now);
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
  const life = lifeOf(db, batch.life);
  if (life?.state !== STANDS) return null;
  if (tail.fileId !== null && (tail.fileId !== life.file_id || !saysNothingNew(tail, life))) return null;
  const applied = applyTail(db, batch, tail, now);
  return { outcome: applied ? 'applied' : 'unchanged', fileId: life.file_id };
}

/** `batch`: as it stands; undefined: it was just registered. */
type Owner = { fileId: string; touched: boolean; batch?: BatchRow } | 'nobody' | 'over';

function ownerOf(db: Database, { batchId }: Update): Owner {
  const batch = batchOf(db, batchId);
  if (batch === undefined) return 'nobody';
  const life = lifeOf(db, batch.life);
  return life?.state === STANDS ? { fileId: life.file_id, touched: false, batch } : 'over';
}

/** A message that names its file registers its batch; but late news never brings back what was replaced or removed. */
function registerBySelf(db: Database, update: Update, fileId: string, now: number): Owner {
  const { batchId, requestId, totalBatches } = update;
  const batch = batchOf(db, batchId);
  const life = batch === undefined ? undefined : lifeOf(db, batch.life);
  if (life?.state === STANDS && life.file_id !== fileId) {
    throw new InvalidInput([
      { field: 'fileId', message: 'is not the file that the batch is registered for' },
    ]);
  }
  if (batch !== undefined && life?.state === STANDS && saysNothingNew(update, life)) {
    return { fileId, touched: false, batch };
  }
  // A deleted file may have been registered anew under the same request: then it stands again.
  const ended =
    requestId !== null && requestId !== standing(db, fileId)?.request_id && hasEnded(db, fileId, requestId);
  const overtaken =
    life !== undefined && life.state !== STANDS && (requestId === null || requestId === life.request_id);
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
const saysNothingNew = ({ requestId, totalBatches }: Omit<Update, 'results'>, life: LifeRow): boolean =>
  (requestId ?? life.request_id) === life.request_id &&
  (totalBatches ?? life.total_batches) === life.total_batches;
