/** Counts of results by cell, added up over neighbouring batches, and the step that brings stored changes into them. */
import { LRUCache } from 'lru-cache';
import type { BatchId, Generation } from '../../domain/id.js';
import { grouped } from '../grouped.js';
import { summaryOf } from './batches/batch-docs.js';
import type { CellCounts, RollupDoc, Slot, StoredBatch } from './documents/batches.js';
import type { FileDoc } from './documents/files.js';
import { findDoc, findFields, insertIfNew, type Models } from './models.js';

/** Batches whose counts share a rollup: a million results lie in some thirty rollups. */
const FAN_OUT = 256;
/** Batches brought into the rollups in one go. */
const AT_ONCE = 256;

/** What the rollups need of a batch. */
interface Contribution extends Pick<StoredBatch, 'version'> {
  readonly ordinal: number;
  readonly cells: readonly number[];
}

/**
 * Adds the counts of batches to the rollups of their generation. A slot in the same document keeps what its batch has added,
 * and at which version. So counts that are added twice, late, or by two gateways at once count once, and the newest count.
 */
export async function addToRollups(
  db: Models,
  generation: Generation,
  batches: readonly Contribution[],
): Promise<void> {
  const byNode = grouped(batches, ({ ordinal }) => Math.floor(ordinal / FAN_OUT));
  await Promise.all([...byNode].map(([node, some]) => addToRollup(db, generation, node, some)));
}

async function addToRollup(
  db: Models,
  generation: Generation,
  node: number,
  batches: readonly Contribution[],
): Promise<void> {
  const _id = `${generation}/${node}`;
  const paths = Object.fromEntries(batches.map(({ ordinal }) => [pathOf(ordinal), 1]));
  for (;;) {
    const known = await findDoc(db.rollups, { _id: _id }, { projection: paths });
    const slots = known?.slots ?? {};
    const newer = batches.filter(({ ordinal, version }) => (slots[slotOf(ordinal)]?.v ?? 0) < version);
    if (newer.length === 0) return;
    const change = changeOf(slots, newer);
    if (known === null) {
      if (await insertIfNew(db.rollups, { _id, generation, node, ...change })) return;
      continue;
    }
    const asRead = newer.map(({ ordinal }) => [`${pathOf(ordinal)}.v`, slots[slotOf(ordinal)]?.v ?? null]);
    const $set = underPath('slots', change.slots);
    const $inc = underPath('cells', change.cells);
    const { matchedCount } = await db.rollups.updateOne(
      { _id, ...Object.fromEntries(asRead) },
      Object.keys($inc).length === 0 ? { $set } : { $set, $inc },
    );
    if (matchedCount === 1) return;
  }
}

/** The new slots of some batches, and what changes in the cells by them. */
function changeOf(before: Record<string, Slot>, batches: readonly Contribution[]) {
  const slots: Record<string, Slot> = {};
  const cells: CellCounts = {};
  for (const batch of batches) {
    const slot = slotOf(batch.ordinal);
    const counts = batch.cells.flatMap((count, cell) => (count === 0 ? [] : [[cell, count]]));
    slots[slot] = { v: batch.version, c: Object.fromEntries(counts) };
    batch.cells.forEach((count, cell) => {
      const change = count - (before[slot]?.c[cell] ?? 0);
      if (change !== 0) cells[cell] = (cells[cell] ?? 0) + change;
    });
  }
  return { slots, cells };
}

const slotOf = (ordinal: number): string => String(ordinal % FAN_OUT);
const pathOf = (ordinal: number): string => `slots.${slotOf(ordinal)}`;
const underPath = <T>(path: string, values: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${path}.${name}`, value]));

/** How many results of a batch were counted; it may have changed by the time it is read. */
export interface CountedBatch {
  readonly ordinal: number;
  readonly count: number;
}

/** Results in the given cells. */
export const countIn = (counts: CellCounts, cells: readonly number[]): number =>
  cells.reduce((sum, cell) => sum + (counts[cell] ?? 0), 0);

/** The rollups of a generation, in order, without their slots. */
export const rollupsOf = (db: Models, generation: Generation): Promise<Pick<RollupDoc, 'node' | 'cells'>[]> =>
  findFields(db.rollups, { generation }, ['node', 'cells'], { sort: { node: 1 } });

/** The batches of some rollups that have results in the given cells, in order. */
export async function batchesIn(
  db: Models,
  generation: Generation,
  nodes: readonly number[],
  cells: readonly number[],
): Promise<CountedBatch[]> {
  const hasCell = cells.map((cell) => ({ $gt: [`$$this.v.c.${cell}`, 0] }));
  const rollups = await db.rollups.collection
    .aggregate<{ node: number; slots: { k: string; v: Slot }[] }>([
      { $match: { _id: { $in: nodes.map((node) => `${generation}/${node}`) } } },
      // Filtered by the database: of a rollup's 256 batches, those with a rare result are few.
      {
        $project: {
          _id: 0,
          node: 1,
          slots: { $filter: { input: { $objectToArray: '$slots' }, cond: { $or: hasCell } } },
        },
      },
    ])
    .toArray();
  return rollups
    .flatMap(({ node, slots }) =>
      slots.map(({ k, v }) => ({ ordinal: node * FAN_OUT + Number(k), count: countIn(v.c, cells) })),
    )
    .sort((a, b) => a.ordinal - b.ordinal);
}

type PendingBatch = Pick<StoredBatch, 'ordinal' | 'version' | 'summary' | 'changedAt' | 'pendingRollup'>;
/** Any token. The index answers this alone; for `$exists` the database would read every document. */
const ANY_TOKEN = { $gt: '' };

/**
 * Brings the stored changes of a generation's batches into its rollups and its file's count of changes. A save leaves that
 * to a later step, which does it for many saves at once. A save's one write also sets the batch's `pendingRollup`, so no
 * crash comes between the two. That mark is removed last: a step that fails before is done again, and a change that is
 * counted twice only means one flush too many. Answers with the file after that; null: there was nothing to do, or no
 * such file.
 */
export async function rollUp(db: Models, generation: Generation): Promise<FileDoc | null> {
  for (let file: FileDoc | null = null; ; ) {
    const marked = await db.batches.collection
      .find<PendingBatch>(
        { generation, pendingRollup: ANY_TOKEN },
        { projection: { _id: 0, ordinal: 1, version: 1, summary: 1, changedAt: 1, pendingRollup: 1 } },
      )
      // This order makes the database use the index of marks; other indexes lead through all batches of the generation.
      .sort({ pendingRollup: 1 })
      .limit(AT_ONCE)
      .toArray();
    if (marked.length === 0) return file;
    file = await rollUpSome(db, generation, marked);
    if (marked.length < AT_ONCE) return file;
  }
}

async function rollUpSome(
  db: Models,
  generation: Generation,
  marked: readonly PendingBatch[],
): Promise<FileDoc | null> {
  const latest = new Date(Math.max(...marked.map(({ changedAt }) => changedAt.getTime())));
  const [file] = await Promise.all([
    db.files.collection.findOneAndUpdate(
      { generation },
      { $inc: { changes: 1 }, $max: { lastUpdated: latest } },
      { projection: { _id: 0 }, returnDocument: 'after' },
    ),
    addToRollups(
      db,
      generation,
      marked.map((batch) => ({
        ordinal: batch.ordinal ?? 0,
        version: batch.version,
        cells: summaryOf(batch).cells,
      })),
    ),
  ]);
  const tokens = marked.flatMap(({ pendingRollup }) => pendingRollup ?? []);
  // Each write of a batch leaves another token: one that was written meanwhile keeps its mark.
  await db.batches.collection.updateMany(
    { generation, pendingRollup: { $in: tokens } },
    { $unset: { pendingRollup: 1 } },
  );
  return file as FileDoc | null;
}

/** Generations whose announced batches are remembered. */
const GENERATIONS = 1_000;

/**
 * Rolls up after every few hundred announced batches of a generation, so that a page never has many to roll up. A batch that
 * grows meanwhile is rolled up once.
 */
export class RollupSchedule {
  readonly #announced = new LRUCache<Generation, Set<BatchId>>({ max: GENERATIONS });

  /** To be called once the batches are announced. */
  async after(db: Models, generation: Generation, batchIds: Iterable<BatchId>): Promise<void> {
    const announced = this.#announced.get(generation) ?? new Set();
    for (const batchId of batchIds) announced.add(batchId);
    this.#announced.set(generation, announced);
    if (announced.size < AT_ONCE) return;
    this.#announced.delete(generation);
    await rollUp(db, generation);
  }
}
