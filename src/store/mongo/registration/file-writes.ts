/** Writes a registration into its file's document, in one step, together with the batches that are pending then. */

import { randomUUID } from 'node:crypto';
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { FileId } from '../../../domain/id.js';
import type { Claimant } from '../../../domain/ownership.js';
import type { Extension, NewGeneration, ProducedRequest } from '../../registration-rules.js';
import type { RegisteredBatch } from '../../store.js';
import { deliverToOwner } from '../deliveries.js';
import type { FileDoc, PendingRegistration } from '../documents/files.js';
import { newGeneration, writeTombstone } from '../generations.js';
import { insertIfNew, type Models, updateDoc } from '../models.js';

/** Batches of one pending registration, at most: it has to fit into the file's document. */
export const AT_ONCE = 4_000;

/** Null: the document is not as it was read. */
export async function writeFile(
  db: Models,
  fileId: FileId,
  file: FileDoc | null,
  plan: NewGeneration | Extension,
  claimant: Claimant,
): Promise<FileDoc | null> {
  const from = 'sized' in plan && file !== null ? file.next : 0;
  const pending = pendingOf(from, plan.missing.slice(0, AT_ONCE), claimant);
  const isGiven = file !== null && plan.request !== null && plan.request.userId !== file.userId;
  const owed = isGiven ? await deliverToOwner(db, file) : null;
  const written =
    'sized' in plan
      ? await extend(db, file as FileDoc, plan, pending, owed)
      : file === null
        ? await create(db, fileId, plan.request, pending)
        : await replace(db, file, plan.request, pending, owed);
  return written === null || pending === null ? written : { ...written, pending };
}

/** Null: the file keeps its owner. */
type Owed = Awaited<ReturnType<typeof deliverToOwner>> | null;

/** The answer leaves out what the call has written itself: it may be long. */
const WITHOUT_PENDING = { projection: { _id: 0, pending: 0 } } as const;

const pendingOf = (
  from: number,
  batches: readonly RegisteredBatch[],
  { userId, isAdmin }: Claimant,
): PendingRegistration | null =>
  batches.length === 0
    ? null
    : { id: randomUUID(), at: clock.date(), by: { userId, isAdmin }, from, batches: [...batches] };

async function create(
  db: Models,
  fileId: FileId,
  request: NewGeneration['request'],
  pending: PendingRegistration | null,
): Promise<FileDoc | null> {
  const generation = { ...newGeneration(request, clock.date()), next: pending?.batches.length ?? 0 };
  const file: FileDoc = { fileId, ...generation, ...(pending === null ? {} : { pending }) };
  return (await insertIfNew(db.files, file)) ? file : null;
}

/** A later request takes the file's place over in one write: no reader sees a file between two requests. */
async function replace(
  db: Models,
  file: FileDoc,
  request: NewGeneration['request'],
  pending: PendingRegistration | null,
  owed: Owed,
): Promise<FileDoc | null> {
  await writeTombstone(db, file, false);
  const { fileId, generation, requestId, userId } = file;
  const next = pending?.batches.length ?? 0;
  const set = { ...newGeneration(request, clock.date()), next };
  const unset = { statsAt: 1, unannouncedFrom: 1, ...owed?.$unset };
  return updateDoc(
    db.files,
    // Its owner is still the one who was asked about.
    { fileId, generation, requestId, userId, ...owed?.filter },
    pending === null
      ? { $set: set, $unset: { ...unset, pending: 1 } }
      : { $set: { ...set, pending }, $unset: unset },
    WITHOUT_PENDING,
  );
}

async function extend(
  db: Models,
  file: FileDoc,
  { outcome, request }: Extension,
  pending: PendingRegistration | null,
  owed: Owed,
): Promise<FileDoc | null> {
  const { fileId, generation, requestId, userId, next } = file;
  const now = clock.date();
  // With a pending registration the change is counted when that is completed: a reader of the count must see the batches.
  const counted = outcome === 'extended' && pending === null;
  const extended = await updateDoc(
    db.files,
    { fileId, generation, requestId, userId, next, pending: trusted({ $exists: false }), ...owed?.filter },
    {
      $set: {
        ...(request === null ? {} : requestFields(file, request)),
        ...(request === null || request.userId === userId ? {} : { uncounted: now }),
        ...(pending === null ? {} : { pending }),
        ...(counted ? { unannounced: now } : {}),
      },
      ...(owed === null ? {} : { $unset: owed.$unset }),
      $inc: { next: pending?.batches.length ?? 0, changes: Number(counted) },
      ...(counted ? { $max: { lastUpdated: now } } : {}),
    },
    WITHOUT_PENDING,
  );
  // For other readers of the database; the gateway reads the id in the file's document.
  if (extended !== null && extended.requestId !== requestId)
    await db.batches.updateMany({ generation }, { $set: { requestId: extended.requestId } });
  return extended;
}

/**
 * Only what is new of a request: another gateway may write the rest at the same time. The totals beside `declared` may be
 * those of the kept stats; a newly declared one replaces them.
 */
function requestFields(
  file: FileDoc,
  { requestId, userId, producer, totalEmails, totalBatches }: ProducedRequest,
) {
  const { declared } = file;
  const isDeclaredAnew = totalEmails !== declared.totalEmails || totalBatches !== declared.totalBatches;
  return {
    requestId,
    userId,
    producer,
    ...(isDeclaredAnew ? { declared: { totalEmails, totalBatches } } : {}),
    ...(totalEmails === declared.totalEmails ? {} : { totalEmails }),
    ...(totalBatches === declared.totalBatches ? {} : { totalBatches }),
  };
}
