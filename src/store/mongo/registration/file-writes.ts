import { trusted } from 'mongoose';
import type { Registration } from '../../store.js';
import type { BatchHead, FileDoc, PendingRegistration } from '../documents.js';
import { isDuplicate } from '../errors.js';
import {
  hasTombstone,
  newGeneration,
  newPending,
  type RequestDetails,
  writeTombstone,
} from '../generations.js';
import type { Models } from '../models.js';
import type { Kind } from './pending-registrations.js';

/** Batches of one pending, at most: it has to fit into the file's document. */
const AT_ONCE = 4_000;

type RequestedBatches = PendingRegistration['batches'];
type KnownBatches = ReadonlyMap<string, BatchHead>;

/** What a registration changes. `named`: nothing, but that the request has a name now. */
interface Change {
  readonly kind: Kind | 'named';
  /** Batches of the file whose size is news. */
  readonly sized: readonly { readonly batch: BatchHead; readonly totalEmails: number }[];
  /** Nothing is left to register after it. */
  readonly isAll: boolean;
  /** Writes it into the file's document, in one step; null: that is not as it was read. */
  begin(): Promise<FileDoc | null>;
}

export type RegistrationPlan = Change | { readonly kind: 'superseded' | 'nothing'; readonly file: FileDoc };

/** What has to be done about a registration, given what there is. */
export async function planRegistration(
  db: Models,
  file: FileDoc | null,
  registration: Registration,
  wanted: RequestedBatches,
  known: KnownBatches,
): Promise<RegistrationPlan> {
  const { requestId } = registration;
  if (file === null) return planGeneration('created', wanted, (pending) => create(db, registration, pending));
  if (file.purged && (requestId === null || requestId === file.requestId))
    return { kind: 'superseded', file };
  if (requestId === null || requestId === file.requestId)
    return planExtension(db, file, registration, file.requestId, wanted, known);
  if (await hasTombstone(db, file.fileId, requestId)) return { kind: 'superseded', file };
  // A request that was registered without a name may say now what it is called; any other is another one.
  if (
    file.requestId === null &&
    wanted.some(({ batchId }) => known.get(batchId)?.generation === file.generation)
  )
    return planExtension(db, file, registration, requestId, wanted, known);
  return planGeneration('replaced', wanted, (pending) => replace(db, file, registration, pending));
}

function planGeneration(
  kind: 'created' | 'replaced',
  wanted: RequestedBatches,
  begin: (pending: PendingRegistration | null) => Promise<FileDoc | null>,
): Change {
  const first = wanted.slice(0, AT_ONCE);
  return {
    kind,
    sized: [],
    isAll: first.length === wanted.length,
    begin: () => begin(first.length === 0 ? null : newPending(0, first, new Date())),
  };
}

async function create(
  db: Models,
  registration: Registration,
  pending: PendingRegistration | null,
): Promise<FileDoc | null> {
  const { fileId } = registration;
  const generation = {
    ...newGeneration(registration, registration, new Date()),
    next: pending?.batches.length ?? 0,
  };
  const file: FileDoc = { fileId, ...generation, ...(pending === null ? {} : { pending }) };
  try {
    await db.files.insertMany([file], { lean: true });
    return file;
  } catch (error) {
    if (isDuplicate(error)) return null;
    throw error;
  }
}

/** A later request takes the file's place over in one write: nobody sees a file between two requests. */
async function replace(
  db: Models,
  file: FileDoc,
  registration: Registration,
  pending: PendingRegistration | null,
): Promise<FileDoc | null> {
  await writeTombstone(db, file, false);
  const userId = registration.userId ?? file.userId;
  const generation = newGeneration(registration, { ...registration, userId }, new Date());
  const next = pending?.batches.length ?? 0;
  const { fileId, generation: before, requestId } = file;
  return db.files
    .findOneAndUpdate(
      { fileId, generation: before, requestId },
      pending === null
        ? { $set: { ...generation, next }, $unset: { statsAt: 1, pending: 1 } }
        : { $set: { ...generation, next, pending }, $unset: { statsAt: 1 } },
      { returnDocument: 'after' },
    )
    .lean<FileDoc>()
    .exec();
}

function planExtension(
  db: Models,
  file: FileDoc,
  registration: Registration,
  requestId: string | null,
  wanted: RequestedBatches,
  known: KnownBatches,
): RegistrationPlan {
  const missing = wanted.filter(({ batchId }) => known.get(batchId)?.generation !== file.generation);
  const sized = wanted.flatMap(({ batchId, totalEmails }) => {
    const batch = known.get(batchId);
    const isNews =
      batch?.generation === file.generation && batch.totalEmails === null && totalEmails !== null;
    return isNews ? [{ batch, totalEmails }] : [];
  });
  const described = describe(file, registration);
  const isNamed = requestId !== file.requestId;
  const isMore = described !== null || missing.length > 0 || sized.length > 0;
  if (!isMore && !isNamed) return { kind: 'nothing', file };
  const first = missing.slice(0, AT_ONCE);
  return {
    kind: isMore ? 'extended' : 'named',
    sized,
    isAll: first.length === missing.length,
    async begin() {
      const pending = first.length === 0 ? null : newPending(file.next, first, new Date());
      const extended = await extend(db, file, { ...described, requestId }, pending, isMore);
      // For other readers of the database; the gateway asks the file's document.
      if (isNamed && extended !== null)
        await db.batches.updateMany({ generation: file.generation }, { $set: { requestId } });
      return extended;
    },
  };
}

function extend(
  db: Models,
  file: FileDoc,
  set: Partial<FileDoc>,
  pending: PendingRegistration | null,
  isChange: boolean,
): Promise<FileDoc | null> {
  const { fileId, generation, requestId, userId, next } = file;
  const now = new Date();
  // With an pending the change is counted when it is carried out, so that whoever counts it sees the batches.
  const counted = isChange && pending === null;
  return db.files
    .findOneAndUpdate(
      { fileId, generation, requestId, userId, next, pending: trusted({ $exists: false }) },
      {
        $set: { ...set, ...(pending === null ? {} : { pending }), ...(counted ? { unannounced: now } : {}) },
        $inc: { next: pending?.batches.length ?? 0, changes: Number(counted) },
        ...(counted ? { $max: { lastUpdated: now } } : {}),
      },
      { returnDocument: 'after' },
    )
    .lean<FileDoc>()
    .exec();
}

/** What the registration says of the request as a whole; null: nothing new. A file stays with its first owner. */
function describe(file: FileDoc, said: RequestDetails): Partial<FileDoc> | null {
  const totalEmails = said.totalEmails ?? file.declared.totalEmails;
  const totalBatches = said.totalBatches ?? file.declared.totalBatches;
  const userId = file.userId ?? said.userId;
  const isNews =
    totalEmails !== file.declared.totalEmails ||
    totalBatches !== file.declared.totalBatches ||
    userId !== file.userId;
  if (!isNews) return null;
  return {
    userId,
    declared: { totalEmails, totalBatches },
    totalEmails: said.totalEmails ?? file.totalEmails,
    totalBatches: said.totalBatches ?? file.totalBatches,
  };
}
