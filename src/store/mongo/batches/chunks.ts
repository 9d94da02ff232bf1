/** Writes, reads and drops the chunks of lists that do not fit into their batch's document. */

import { randomUUID } from 'node:crypto';
import { trusted } from 'mongoose';
import { clock } from '../../../clock.js';
import type { BatchId } from '../../../domain/id.js';
import type { Result } from '../../../domain/result.js';
import { Fault } from '../../../errors.js';
import { domainKey } from '../../result-filter.js';
import type { ChunkDoc, ChunkRef } from '../documents/batches.js';
import { findDoc, findFields, type Models } from '../models.js';
import { indexKeyOf, type ResultDoc, type SizedDoc, sizedDoc, toDoc } from '../results/result-docs.js';

const MAX_CHUNK = 8 * 2 ** 20;
const MAX_RESULT = 15 * 2 ** 20;
/** No call waits this long for an answer: by then the write that was to refer to a chunk has come, or never will. */
const UNCONFIRMED_MS = 10 * 60_000;

/** A result as it goes into a list. */
export interface Item {
  readonly doc: ResultDoc;
  readonly key: string;
  /** The index key of its domain; null: it has none. */
  readonly domain: string | null;
  readonly bytes: number;
}

export function itemOf(result: Result): Item {
  const item = keyed(toDoc(result), indexKeyOf(result), domainKey(result.email));
  if (item.bytes > MAX_RESULT)
    throw new Fault('payload_too_large', 'a single result is larger than the database takes');
  return item;
}

/** `bytes` is what it adds to its document: BSON numbers the entries of a list in digits, and says their type. */
const keyed = ({ doc, bytes }: SizedDoc, key: string, domain: string | null): Item => ({
  doc,
  key,
  domain,
  bytes: bytes + Buffer.byteLength(key) + Buffer.byteLength(domain ?? '') + 40,
});

/** The domains of some results, each once. */
export const domainsOf = (items: readonly Item[]): string[] => [
  ...new Set(items.flatMap(({ domain }) => (domain === null ? [] : [domain]))),
];

export const bytesOf = (items: readonly Item[]): number => items.reduce((sum, { bytes }) => sum + bytes, 0);

/** As many from the front as fit into so many bytes. */
export function split(
  items: readonly Item[],
  maxBytes: number,
): { fitting: readonly Item[]; rest: readonly Item[] } {
  let count = 0;
  for (let bytes = 0; count < items.length; count++) {
    bytes += items[count]?.bytes ?? 0;
    if (bytes > maxBytes) break;
  }
  return { fitting: items.slice(0, count), rest: items.slice(count) };
}

/** Writes results as chunks of a list, from a position on. They count once their batch refers to them. */
export async function writeChunks(
  db: Models,
  batchId: BatchId,
  from: number,
  items: readonly Item[],
): Promise<ChunkRef[]> {
  const refs: ChunkRef[] = [];
  let start = from;
  for (let rest = items; rest.length > 0; ) {
    const { fitting } = split(rest, MAX_CHUNK);
    // A result that is larger than a chunk should be gets a chunk of its own.
    const chunk = fitting.length > 0 ? fitting : rest.slice(0, 1);
    const keys = chunk.map(({ key }) => key);
    const results = chunk.map(({ doc }) => doc);
    const doc: ChunkDoc = {
      _id: randomUUID(),
      batchId,
      createdAt: clock.date(),
      unconfirmed: true,
      keys,
      domains: domainsOf(chunk),
      results,
    };
    await db.chunks.insertMany([doc], { lean: true });
    refs.push({ id: doc._id, from: start, length: chunk.length, bytes: bytesOf(chunk) });
    start += chunk.length;
    rest = rest.slice(chunk.length);
  }
  return refs;
}

/** The results of a chunk; null: it is gone, so its batch does not refer to it any more. */
export async function itemsOf(db: Models, { id }: ChunkRef): Promise<Item[] | null> {
  const chunk = await findDoc(db.chunks, { _id: id });
  return chunk === null
    ? null
    : chunk.results.map((doc, index) => keyed(sizedDoc(doc), chunk.keys[index] ?? '', domainKey(doc.email)));
}

/** Marks chunks that are about to lose their reference: if the caller dies before it drops them, the sweep does. */
export async function markUnconfirmed(db: Models, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const mark = { unconfirmed: true as const, createdAt: clock.date() };
  await db.chunks.updateMany({ _id: trusted({ $in: [...ids] }) }, { $set: mark });
}

export async function dropChunks(db: Models, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.chunks.deleteMany({ _id: trusted({ $in: [...ids] }) });
}

/** Keeps the chunks that their batch refers to, and drops those that a crash has left without a reference. */
export async function sweepUnconfirmedChunks(db: Models, now: number): Promise<void> {
  const old = { unconfirmed: true, createdAt: trusted({ $lt: new Date(now - UNCONFIRMED_MS) }) } as const;
  const chunks = await findFields(db.chunks, old, ['_id', 'batchId'], { limit: 1000 });
  for (const { _id, batchId } of chunks) {
    const [batch] = await findFields(db.batches, { batchId }, ['chunks']);
    if (batch?.chunks.some(({ id }) => id === _id))
      await db.chunks.updateOne({ _id, ...old }, { $unset: { unconfirmed: 1 } });
    else await db.chunks.deleteOne({ _id, ...old });
  }
}
