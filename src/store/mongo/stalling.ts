import { trusted } from 'mongoose';
import type { Silence } from '../store.js';
import { HEAD } from './batch-docs.js';
import { markStalled } from './batches.js';
import type { Batch, FileDoc } from './documents.js';
import type { Models } from './models.js';
import { settle } from './settling.js';

/** Silent batches looked at in one go; the next look takes the next ones. */
const STALLS_AT_ONCE = 1_000;
const WRITES_AT_ONCE = 100;

/** Marks the silent batches, as `Store.stall` says. Of several gateways that look at once, one marks a batch. */
export async function stall(
  db: Models,
  { begunBefore, queuedBefore }: Silence,
): Promise<{ fileId: string; batchIds: string[] }[]> {
  const begun = await silentSince(db, begunBefore, true, () => true);
  const queued = await silentSince(db, queuedBefore, false, (file) => isSilent(db, file, queuedBefore));
  const stalled = new Map<string, string[]>();
  const silent = [...begun, ...queued].slice(0, STALLS_AT_ONCE);
  for (let start = 0; start < silent.length; start += WRITES_AT_ONCE) {
    for (const { fileId, batchId } of await markStalled(db, silent.slice(start, start + WRITES_AT_ONCE))) {
      const of = fileId ?? '';
      stalled.set(of, [...(stalled.get(of) ?? []), batchId]);
    }
  }
  return [...stalled].map(([fileId, batchIds]) => ({ fileId, batchIds }));
}

type Standing = Pick<FileDoc, 'life' | 'lastUpdated'>;

/** Open batches without news since then, of the lives that stand and pass. */
async function silentSince(
  db: Models,
  since: number,
  begun: boolean,
  passes: (file: Standing) => boolean | Promise<boolean>,
): Promise<Batch[]> {
  const silent = { open: true, begun, lastUpdated: trusted({ $lt: new Date(since) }) } as const;
  const lives = (await db.batches.distinct('life', silent).exec()) as string[];
  const passing: string[] = [];
  for (const file of await standing(db, lives)) if (await passes(file)) passing.push(file.life);
  if (passing.length === 0) return [];
  return db.batches
    .find({ ...silent, life: trusted({ $in: passing }) }, HEAD)
    .sort({ lastUpdated: 1 })
    .limit(STALLS_AT_ONCE)
    .lean<Batch[]>()
    .exec();
}

async function standing(db: Models, lives: readonly string[]): Promise<Standing[]> {
  if (lives.length === 0) return [];
  return db.files
    .find({ life: trusted({ $in: [...lives] }) }, { _id: 0, life: 1, lastUpdated: 1 })
    .lean<Standing[]>()
    .exec();
}

/** Whether nothing was heard of a file as a whole: of none of its batches, nor by a registration. */
async function isSilent(db: Models, { life, lastUpdated }: Standing, since: number): Promise<boolean> {
  if (lastUpdated.getTime() >= since) return false;
  // What is not counted yet may be news; a message that only repeats what is known changes its batch alone.
  await settle(db, life);
  const [file] = await standing(db, [life]);
  if (file === undefined || file.lastUpdated.getTime() >= since) return false;
  const heard = await db.batches.exists({ life, lastUpdated: trusted({ $gte: new Date(since) }) });
  return heard === null;
}
