import { trusted } from 'mongoose';
import type { Silence } from '../../store.js';
import type { BatchHead, FileDoc } from '../documents.js';
import type { Models } from '../models.js';
import { rollUp } from '../rolling-up.js';
import { WITHOUT_LIST } from './batch-docs.js';
import { markStalled } from './write-batch.js';

/** Silent batches looked at in one go; the next look takes the next ones. */
const STALLS_AT_ONCE = 1_000;
const WRITES_AT_ONCE = 100;

/** Marks the silent batches, as `Store.stall` says. Of several gateways that look at once, one marks a batch. */
export async function markStalledBatches(
  db: Models,
  { begunBefore, queuedBefore }: Silence,
): Promise<{ fileId: string; batchIds: string[] }[]> {
  const begun = await silentBatches(db, begunBefore, true, () => true);
  const queued = await silentBatches(db, queuedBefore, false, (file) => isSilent(db, file, queuedBefore));
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

type Standing = Pick<FileDoc, 'generation' | 'lastUpdated'>;

/** Open batches without news since then, of the generations that stand and pass. */
async function silentBatches(
  db: Models,
  since: number,
  begun: boolean,
  passes: (file: Standing) => boolean | Promise<boolean>,
): Promise<BatchHead[]> {
  const silent = { open: true, begun, lastUpdated: trusted({ $lt: new Date(since) }) } as const;
  const generations = (await db.batches.distinct('generation', silent).exec()) as string[];
  const passing: string[] = [];
  for (const file of await standing(db, generations)) if (await passes(file)) passing.push(file.generation);
  if (passing.length === 0) return [];
  return db.batches
    .find({ ...silent, generation: trusted({ $in: passing }) }, WITHOUT_LIST)
    .sort({ lastUpdated: 1 })
    .limit(STALLS_AT_ONCE)
    .lean<BatchHead[]>()
    .exec();
}

async function standing(db: Models, generations: readonly string[]): Promise<Standing[]> {
  if (generations.length === 0) return [];
  return db.files
    .find({ generation: trusted({ $in: [...generations] }) }, { _id: 0, generation: 1, lastUpdated: 1 })
    .lean<Standing[]>()
    .exec();
}

/** Whether nothing was heard of a file as a whole: of none of its batches, nor by a registration. */
async function isSilent(db: Models, { generation, lastUpdated }: Standing, since: number): Promise<boolean> {
  if (lastUpdated.getTime() >= since) return false;
  // What is not counted yet may be news; a message that only repeats what is known changes its batch alone.
  await rollUp(db, generation);
  const [file] = await standing(db, [generation]);
  if (file === undefined || file.lastUpdated.getTime() >= since) return false;
  const heard = await db.batches.exists({ generation, lastUpdated: trusted({ $gte: new Date(since) }) });
  return heard === null;
}
