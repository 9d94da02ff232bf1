import { trusted } from 'mongoose';
import type { Registration } from '../store.js';
import type { Batch, FileDoc, Intent } from './documents.js';
import { isDuplicate } from './errors.js';
import type { Kind } from './intents.js';
import { bury, type Described, hasEnded, intentOf, lifeOf } from './lives.js';
import type { Models } from './models.js';

/** Batches of one intent, at most: it has to fit into the file's document. */
const AT_ONCE = 4_000;

type Wanted = Intent['batches'];
type Known = ReadonlyMap<string, Batch>;

/** What a registration changes. `named`: nothing, but that the request has a name now. */
interface Change {
  readonly kind: Kind | 'named';
  /** Batches of the file whose size is news. */
  readonly sized: readonly { readonly batch: Batch; readonly totalEmails: number }[];
  /** Nothing is left to register after it. */
  readonly isAll: boolean;
  /** Writes it into the file's document, in one step; null: that is not as it was read. */
  begin(): Promise<FileDoc | null>;
}

export type Plan = Change | { readonly kind: 'superseded' | 'nothing'; readonly file: FileDoc };

/** What has to be done about a registration, given what there is. */
export async function planOf(
  db: Models,
  file: FileDoc | null,
  registration: Registration,
  wanted: Wanted,
  known: Known,
): Promise<Plan> {
  const { requestId } = registration;
  if (file === null) return newLife('created', wanted, (intent) => create(db, registration, intent));
  if (file.purged && (requestId === null || requestId === file.requestId))
    return { kind: 'superseded', file };
  if (requestId === null || requestId === file.requestId)
    return extension(db, file, registration, file.requestId, wanted, known);
  if (await hasEnded(db, file.fileId, requestId)) return { kind: 'superseded', file };
  // A request that was registered without a name may say now what it is called; any other is another one.
  if (file.requestId === null && wanted.some(({ batchId }) => known.get(batchId)?.life === file.life))
    return extension(db, file, registration, requestId, wanted, known);
  return newLife('replaced', wanted, (intent) => replace(db, file, registration, intent));
}

function newLife(
  kind: 'created' | 'replaced',
  wanted: Wanted,
  begin: (intent: Intent | null) => Promise<FileDoc | null>,
): Change {
  const first = wanted.slice(0, AT_ONCE);
  return {
    kind,
    sized: [],
    isAll: first.length === wanted.length,
    begin: () => begin(first.length === 0 ? null : intentOf(0, first, new Date())),
  };
}

async function create(
  db: Models,
  registration: Registration,
  intent: Intent | null,
): Promise<FileDoc | null> {
  const { fileId } = registration;
  const life = { ...lifeOf(registration, registration, new Date()), next: intent?.batches.length ?? 0 };
  const file: FileDoc = { fileId, ...life, ...(intent === null ? {} : { intent }) };
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
  intent: Intent | null,
): Promise<FileDoc | null> {
  await bury(db, file, false);
  const userId = registration.userId ?? file.userId;
  const life = lifeOf(registration, { ...registration, userId }, new Date());
  const next = intent?.batches.length ?? 0;
  const { fileId, life: before, requestId } = file;
  return db.files
    .findOneAndUpdate(
      { fileId, life: before, requestId },
      intent === null
        ? { $set: { ...life, next }, $unset: { statsAt: 1, intent: 1 } }
        : { $set: { ...life, next, intent }, $unset: { statsAt: 1 } },
      { returnDocument: 'after' },
    )
    .lean<FileDoc>()
    .exec();
}

function extension(
  db: Models,
  file: FileDoc,
  registration: Registration,
  requestId: string | null,
  wanted: Wanted,
  known: Known,
): Plan {
  const missing = wanted.filter(({ batchId }) => known.get(batchId)?.life !== file.life);
  const sized = wanted.flatMap(({ batchId, totalEmails }) => {
    const batch = known.get(batchId);
    const isNews = batch?.life === file.life && batch.totalEmails === null && totalEmails !== null;
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
      const intent = first.length === 0 ? null : intentOf(file.next, first, new Date());
      const extended = await extend(db, file, { ...described, requestId }, intent, isMore);
      // For other readers of the database; the gateway asks the file's document.
      if (isNamed && extended !== null)
        await db.batches.updateMany({ life: file.life }, { $set: { requestId } });
      return extended;
    },
  };
}

function extend(
  db: Models,
  file: FileDoc,
  set: Partial<FileDoc>,
  intent: Intent | null,
  isChange: boolean,
): Promise<FileDoc | null> {
  const { fileId, life, requestId, userId, next } = file;
  const now = new Date();
  // With an intent the change is counted when it is carried out, so that whoever counts it sees the batches.
  const counted = isChange && intent === null;
  return db.files
    .findOneAndUpdate(
      { fileId, life, requestId, userId, next, intent: trusted({ $exists: false }) },
      {
        $set: { ...set, ...(intent === null ? {} : { intent }), ...(counted ? { unannounced: now } : {}) },
        $inc: { next: intent?.batches.length ?? 0, changes: Number(counted) },
        ...(counted ? { $max: { lastUpdated: now } } : {}),
      },
      { returnDocument: 'after' },
    )
    .lean<FileDoc>()
    .exec();
}

/** What the registration says of the request as a whole; null: nothing new. A file stays with its first owner. */
function describe(file: FileDoc, said: Described): Partial<FileDoc> | null {
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
