/** Reads about files: one file, lists of files, and the states and counts of a file's batches. */
import { trusted } from 'mongoose';
import type { FileId, Generation } from '../../domain/id.js';
import { batchCounts } from '../batch-progress.js';
import type {
  BatchCounts,
  BatchesQuery,
  BatchState,
  BatchStatus,
  FileCursor,
  FilesQuery,
  ListedBatch,
  ListedFile,
  Viewer,
} from '../store.js';
import type { AnnouncedMarks } from './announced-marks.js';
import { summaryOf } from './batches/batch-docs.js';
import type { BatchDoc } from './documents/batches.js';
import type { FileDoc } from './documents/files.js';
import { unavailable } from './errors.js';
import { factsOf, findFile } from './generations.js';
import { eachDoc, findDocs, findFields, type Models, projectionOf } from './models.js';
import { markedBatches, markedGenerations } from './outbox.js';

/** Files, newest first, with whether any of them has changes that may not be announced. */
export async function listFiles(
  db: Models,
  { limit, after, viewer = null }: FilesQuery,
  marks: AnnouncedMarks,
): Promise<ListedFile[]> {
  // The stats are read after the marks, because an announcement stores the one before it removes the other.
  let marked = await markedGenerations(db, marks);
  let files = await newestFor(db, limit, after, viewer);
  if (marked === null) {
    const page = files.map(({ generation }) => generation);
    marked = new Set((await markedBatches(db, page, marks)).map(({ generation }) => generation));
    files = await newestFor(db, limit, after, viewer);
    // A file may have got another generation, of which no marks were read.
    for (const { generation } of files) if (!page.includes(generation)) marked.add(generation);
  }
  const pending = marked;
  return files.map((file) => ({
    facts: factsOf(file),
    stats: file.stats,
    isPending: file.unannounced !== undefined || pending.has(file.generation),
  }));
}

/** A viewer's own files and the named ones are two queries, each in index order: one query would sort all of them. */
async function newestFor(
  db: Models,
  limit: number,
  after: FileCursor | null,
  viewer: Viewer | null,
): Promise<FileDoc[]> {
  const from = after === null ? {} : beyond(after);
  if (viewer === null) return newest(db, from, limit);
  const { userId, fileIds } = viewer;
  const own = userId === null ? [] : await newest(db, { ...from, userId }, limit);
  const others = fileIds.length === 0 ? [] : await newest(db, named(fileIds, from), limit);
  const all = new Map([...own, ...others].map((file) => [file.fileId, file]));
  return [...all.values()].sort(byAge).slice(0, limit);
}

const named = (fileIds: readonly FileId[], from: object) => ({
  $and: [{ fileId: trusted({ $in: [...fileIds] }) }, from],
});

const newest = (db: Models, filter: object, limit: number): Promise<FileDoc[]> =>
  findDocs(db.files, filter, {
    projection: { _id: 0, pending: 0 },
    sort: { createdAt: -1, fileId: -1 },
    limit,
  });

/** As the database sorts: by the bytes of the ids. */
const byAge = (a: FileDoc, b: FileDoc): number =>
  b.createdAt.getTime() - a.createdAt.getTime() ||
  Buffer.compare(Buffer.from(b.fileId), Buffer.from(a.fileId));

function beyond({ createdAt, fileId }: FileCursor) {
  const at = new Date(createdAt);
  return {
    $or: [{ createdAt: trusted({ $lt: at }) }, { createdAt: at, fileId: trusted({ $lt: fileId }) }],
  };
}

/** All batches of the file's current generation, in the order of registration. */
export async function batchStates<T = BatchState>(
  db: Models,
  fileId: FileId,
  keep = (batch: BatchState) => batch as T,
): Promise<T[]> {
  const batches = await readCurrent(db, fileId, async (generation) => {
    const kept: T[] = [];
    const projection = projectionOf(STATE_FIELDS);
    for await (const batch of eachDoc(db.batches, { generation }, { projection, sort: { ordinal: 1 } }))
      kept.push(keep(batchStateOf(batch)));
    return kept;
  });
  return batches ?? [];
}

/** Some of them, the newest first. */
export async function batchPage(
  db: Models,
  { fileId, limit, before, status }: BatchesQuery,
): Promise<ListedBatch[]> {
  const batches = await readCurrent(db, fileId, async (generation, { next }) => {
    const find = (ordinal: object) =>
      findFields(
        db.batches,
        { generation, ordinal: trusted(ordinal), ...(status !== undefined && { status }) },
        [...STATE_FIELDS, 'ordinal'],
        { sort: { generation: -1, ordinal: -1 }, limit },
      );
    const end = before ?? next;
    // Few ordinals are left out, and some databases read all batches that are left for a page without a lower bound.
    const near = await find({ $gte: end - limit, $lt: end });
    return near.length === limit || end <= limit ? near : find({ $lt: end });
  });
  return (batches ?? []).map((batch) => ({ ...batchStateOf(batch), ordinal: batch.ordinal ?? 0 }));
}

const STATE_FIELDS = ['batchId', 'version', 'status', 'lastUpdated', 'summary'] as const;

const batchStateOf = ({
  batchId,
  version,
  status,
  lastUpdated,
  summary,
}: Pick<BatchDoc, (typeof STATE_FIELDS)[number]>): BatchState => ({
  batchId,
  version,
  summary: summaryOf({ summary }),
  status,
  lastUpdated: lastUpdated.toISOString(),
});

type Group = { _id: BatchStatus; count: number; since: Date };

export async function countBatches(db: Models, fileId: FileId): Promise<BatchCounts> {
  const groups = await readCurrent(db, fileId, (generation) =>
    db.batches.aggregate<Group>([
      { $match: { generation } },
      { $group: { _id: '$status', count: { $sum: 1 }, since: { $min: '$lastUpdated' } } },
    ]),
  );
  return batchCounts((groups ?? []).map(({ _id, count, since }) => ({ status: _id, count, since: +since })));
}

/** A file that is replaced while it is read is read again; none is replaced as often as this. */
const ATTEMPTS = 10;

/**
 * Reads something of the generation that is current before and after the read: results of another one may be deleted in
 * part already. `read` answers null where it notices that the generation is over. Null: no such file.
 */
export async function readCurrent<T>(
  db: Models,
  fileId: FileId,
  read: (generation: Generation, file: FileDoc) => Promise<T | null>,
): Promise<T | null> {
  let file = await findFile(db, fileId);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (file === null) return null;
    const result = await read(file.generation, file);
    const current: FileDoc | null = await findFile(db, fileId);
    if (result !== null && current?.generation === file.generation) return result;
    file = current;
  }
  throw unavailable('the file changes too fast to be read');
}
