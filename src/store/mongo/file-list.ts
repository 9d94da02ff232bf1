import { trusted } from 'mongoose';
import type { FileCursor, FilesQuery, ListedFile, Viewer } from '../store.js';
import type { FileDoc } from './documents.js';
import { factsOf } from './generations.js';
import type { Models } from './models.js';
import { rollUp } from './rolling-up.js';

/** Files, newest first, with everything counted that was stored before. */
export async function listFiles(
  db: Models,
  { limit, after, viewer = null }: FilesQuery,
): Promise<ListedFile[]> {
  const list = () => listed(db, limit, after, viewer);
  const found = await list();
  const settled = await Promise.all(found.map(({ generation }) => rollUp(db, generation)));
  const current = settled.some(({ file }) => file !== null) ? await list() : found;
  return current.map((file) => ({ facts: factsOf(file), stats: file.stats }));
}

/** One's own and the named ones are two lists, each in order: together they would be sorted as a whole each time. */
async function listed(
  db: Models,
  limit: number,
  after: FileCursor | null,
  viewer: Viewer | null,
): Promise<FileDoc[]> {
  const from = after === null ? {} : beyond(after);
  if (viewer === null) return newest(db, from, limit);
  const { userId, fileIds } = viewer;
  const own = userId === null ? [] : await newest(db, { ...from, userId }, limit);
  const named = fileIds.length === 0 ? [] : await newest(db, among(fileIds, from), limit);
  const all = new Map([...own, ...named].map((file) => [file.fileId, file]));
  return [...all.values()].sort(byAge).slice(0, limit);
}

const among = (fileIds: readonly string[], from: object) => ({
  $and: [{ fileId: trusted({ $in: [...fileIds] }) }, from],
});

function newest(db: Models, filter: object, limit: number): Promise<FileDoc[]> {
  return db.files
    .find(filter, { _id: 0, pending: 0 })
    .sort({ createdAt: -1, fileId: -1 })
    .limit(limit)
    .lean<FileDoc[]>()
    .exec();
}

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
