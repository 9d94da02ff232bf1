/** Uploaded lists in MongoDB: a document for each list, and one for each chunk of it. */
import { trusted } from 'mongoose';
import { clock } from '../../clock.js';
import type { FileId, ListId, RequestId, UserId } from '../../domain/id.js';
import type { ListSummary } from '../../domain/list-summary.js';
import { listEnded, readChunks } from '../list-chunks.js';
import {
  type CompletedList,
  LIST_CHUNK_BYTES,
  type ListStore,
  type NewList,
  UPLOAD_SILENCE_MS,
  type UploadedList,
} from '../lists.js';
import type { MongoConnection } from './connection.js';
import type { ListDoc } from './documents/lists.js';
import { endExpiredLists, endList, sweepEndedLists } from './ended-lists.js';
import { findFile } from './generations.js';
import { findDoc, findFields, type Models } from './models.js';
import { LIVE } from './submissions/submission-docs.js';

const uploading = (listId: ListId) => ({
  _id: listId,
  summary: null,
  endedAt: null,
  expiresAt: trusted({ $gt: new Date(clock.now()) }),
});

const chunkId = (listId: ListId, index: number): string => `${listId} ${index}`;

const listCalls = {
  create: createList,
  append: appendChunk,
  complete: completeList,
  find: findList,
  ofFile: listOfFile,
  waiting: countUnattached,
  reserve: reserveList,
  attach: attachList,
  remove: (db: Models, listId: ListId) => endList(db, listId),
  dropExpired: async (db: Models) => {
    await endExpiredLists(db, clock.now());
    await sweepEndedLists(db, clock.now());
  },
  size: sizeOf,
  chunk: readChunk,
};

export function mongoLists(connection: MongoConnection): ListStore {
  const { size, chunk, ...calls } = connection.part(listCalls);
  return {
    ...calls,
    read: (listId, from = 0) =>
      readChunks(
        () => size(listId),
        (index) => chunk(listId, index),
        from,
      ),
  };
}

async function createList(db: Models, { listId, userId, name }: NewList): Promise<void> {
  const expiresAt = new Date(clock.now() + UPLOAD_SILENCE_MS);
  const unused = { generation: null, fileId: null, reservedFor: null, endedAt: null };
  const upload = { _id: listId, userId, name, bytes: 0, summary: null, expiresAt, ...unused };
  await db.lists.insertMany([upload], { lean: true });
}

/** The document is written first: a chunk without one would be forgotten. */
async function appendChunk(db: Models, listId: ListId, index: number, bytes: Uint8Array): Promise<void> {
  const upload = { $set: { expiresAt: new Date(clock.now() + UPLOAD_SILENCE_MS) } };
  const size = { $max: { bytes: index * LIST_CHUNK_BYTES + bytes.length } };
  const { matchedCount } = await db.lists.updateOne(uploading(listId), { ...upload, ...size });
  if (matchedCount === 0) throw listEnded();
  const _id = chunkId(listId, index);
  const chunk = { listId, bytes: Buffer.from(bytes) };
  // Not through Mongoose, which would cast the bytes one by one.
  await db.listChunks.collection.replaceOne({ _id } as never, chunk as never, { upsert: true });
}

async function completeList(
  db: Models,
  listId: ListId,
  { summary, expiresAt }: CompletedList,
): Promise<void> {
  const done = { summary: JSON.stringify(summary), expiresAt: new Date(expiresAt) };
  const { matchedCount } = await db.lists.updateOne(uploading(listId), { $set: done });
  if (matchedCount === 0) throw listEnded();
}

async function findList(db: Models, listId: ListId): Promise<UploadedList | null> {
  const list = await findLive(db, listId);
  return list === null ? null : storedList(list);
}

async function listOfFile(db: Models, fileId: FileId): Promise<UploadedList | null> {
  const file = await findFile(db, fileId);
  if (file === null) return null;
  const list = await findDoc(db.lists, { generation: file.generation, endedAt: null });
  return list === null ? null : storedList(list);
}

async function countUnattached(db: Models, userId: UserId | null): Promise<number> {
  const expiresAt = trusted({ $gt: new Date(clock.now()) });
  return db.lists.countDocuments({ userId, generation: null, endedAt: null, expiresAt });
}

async function findLive(db: Models, listId: ListId): Promise<ListDoc | null> {
  const list = await findDoc(db.lists, { _id: listId, endedAt: null, summary: trusted({ $ne: null }) });
  if (list === null) return null;
  const isOver =
    list.fileId === null
      ? list.expiresAt !== null && list.expiresAt.getTime() <= clock.now()
      : (await findFile(db, list.fileId))?.generation !== list.generation;
  return isOver ? null : list;
}

const storedList = ({ _id, userId, name, bytes, summary, expiresAt, fileId }: ListDoc): UploadedList => ({
  listId: _id,
  userId,
  name,
  bytes,
  summary: JSON.parse(summary ?? '') as ListSummary,
  expiresAt: expiresAt === null ? null : expiresAt.getTime(),
  fileId,
});

async function sizeOf(db: Models, listId: ListId): Promise<number | null> {
  const [list] = await findFields(db.lists, { _id: listId, endedAt: null }, ['bytes']);
  return list?.bytes ?? null;
}

async function readChunk(db: Models, listId: ListId, index: number): Promise<Uint8Array | null> {
  const chunk = await db.listChunks.collection.findOne<{ bytes: { buffer: Uint8Array; position: number } }>({
    _id: chunkId(listId, index),
  } as never);
  return chunk === null ? null : chunk.bytes.buffer.subarray(0, chunk.bytes.position);
}

async function reserveList(
  db: Models,
  listId: ListId,
  submissionId: string,
  expiresAt: number,
): Promise<boolean> {
  const list = await findLive(db, listId);
  if (list === null || list.fileId !== null) return false;
  const { reservedFor } = list;
  const isTaken =
    reservedFor !== null &&
    reservedFor !== submissionId &&
    (await db.submissions.exists({ _id: reservedFor, ...LIVE })) !== null;
  if (isTaken) return false;
  const { matchedCount } = await db.lists.updateOne(
    // Of two submissions that have read the same, one gets the list.
    { _id: listId, generation: null, endedAt: null, reservedFor },
    { $set: { reservedFor: submissionId }, $max: { expiresAt: new Date(expiresAt) } },
  );
  return matchedCount === 1;
}

async function attachList(
  db: Models,
  listId: ListId,
  fileId: FileId,
  requestId: RequestId | null,
): Promise<boolean> {
  const file = await findFile(db, fileId);
  if (file?.requestId !== requestId || (await findList(db, listId)) === null) return false;
  const { generation } = file;
  const { matchedCount } = await db.lists.updateOne(
    { _id: listId, endedAt: null, fileId: trusted({ $in: [null, fileId] }), summary: trusted({ $ne: null }) },
    { $set: { generation, fileId, expiresAt: null } },
  );
  if (matchedCount === 0) return false;
  // A request has one list.
  const others = await findFields(db.lists, { generation, endedAt: null }, ['_id']);
  for (const { _id } of others) if (_id !== listId) await endList(db, _id);
  if ((await findFile(db, fileId))?.generation === generation) return true;
  // The request ended meanwhile, perhaps before its clean-up could see the list.
  await endList(db, listId, generation);
  return false;
}
