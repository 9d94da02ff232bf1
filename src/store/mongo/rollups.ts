import type { BatchHead, Counts, RollupDoc, Slot } from './documents.js';
import { isDuplicate } from './errors.js';
import type { Models } from './models.js';

/** Batches whose counts share a document: a million results lie in some thirty of them. */
export const FAN_OUT = 256;

export const nodeOf = (ordinal: number): number => Math.floor(ordinal / FAN_OUT);

/** What the sums have to know of a batch. */
export interface Contribution extends Pick<BatchHead, 'version'> {
  readonly ordinal: number;
  readonly cells: readonly number[];
}

/**
 * Brings the counts of batches into the sums of their generation. A slot remembers what its batch has added, and at which
 * version, in the same document as the sum: so whatever is brought in twice, late, or by two gateways at once, counts
 * once, and the newest counts.
 */
export async function addToRollups(
  db: Models,
  generation: string,
  batches: readonly Contribution[],
): Promise<void> {
  const byNode = new Map<number, Contribution[]>();
  for (const batch of batches) {
    const node = nodeOf(batch.ordinal);
    byNode.set(node, [...(byNode.get(node) ?? []), batch]);
  }
  await Promise.all([...byNode].map(([node, some]) => addToRollup(db, generation, node, some)));
}

async function addToRollup(
  db: Models,
  generation: string,
  node: number,
  batches: readonly Contribution[],
): Promise<void> {
  const _id = `${generation}/${node}`;
  const paths = Object.fromEntries(batches.map(({ ordinal }) => [pathOf(ordinal), 1]));
  for (;;) {
    const known = await db.rollups.findById(_id, paths).lean<Pick<RollupDoc, 'slots'>>().exec();
    const slots = known?.slots ?? {};
    const newer = batches.filter(({ ordinal, version }) => (slots[slotOf(ordinal)]?.v ?? 0) < version);
    if (newer.length === 0) return;
    const { filter, $set, $inc } = changeOf(slots, newer);
    if (known === null) {
      if (await insertRollup(db, { _id, generation, node, cells: $inc, slots: slotsOf(newer) })) return;
      continue;
    }
    const change = Object.keys($inc).length === 0 ? { $set } : { $set, $inc: underCells($inc) };
    const { matchedCount } = await db.rollups.updateOne({ _id, ...filter }, change);
    if (matchedCount === 1) return;
  }
}

async function insertRollup(db: Models, sum: RollupDoc): Promise<boolean> {
  try {
    await db.rollups.insertMany([sum], { lean: true });
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/** The write that takes the slots from what they are to what they should be, if that is still what they are. */
function changeOf(slots: Record<string, Slot>, batches: readonly Contribution[]) {
  const filter: Record<string, number | null> = {};
  const $set: Record<string, Slot> = {};
  const $inc: Counts = {};
  for (const { ordinal, version, cells } of batches) {
    const before = slots[slotOf(ordinal)];
    filter[`${pathOf(ordinal)}.v`] = before?.v ?? null;
    $set[pathOf(ordinal)] = { v: version, c: countsOf(cells) };
    cells.forEach((count, cell) => {
      const change = count - (before?.c[cell] ?? 0);
      if (change !== 0) $inc[cell] = ($inc[cell] ?? 0) + change;
    });
  }
  return { filter, $set, $inc };
}

const slotOf = (ordinal: number): string => String(ordinal % FAN_OUT);
const pathOf = (ordinal: number): string => `slots.${slotOf(ordinal)}`;
const slotsOf = (batches: readonly Contribution[]): RollupDoc['slots'] =>
  Object.fromEntries(
    batches.map(({ ordinal, version, cells }) => [slotOf(ordinal), { v: version, c: countsOf(cells) }]),
  );
const underCells = (counts: Counts): Counts =>
  Object.fromEntries(Object.entries(counts).map(([cell, count]) => [`cells.${cell}`, count]));
const countsOf = (cells: readonly number[]): Counts =>
  Object.fromEntries(cells.flatMap((count, cell) => (count === 0 ? [] : [[cell, count]])));

/** A batch as far as it was counted: it may have changed by the time it is read. */
export interface CountedBatch {
  readonly ordinal: number;
  readonly count: number;
}

/** Results in the given cells. */
export const countIn = (counts: Counts, cells: readonly number[]): number =>
  cells.reduce((sum, cell) => sum + (counts[cell] ?? 0), 0);

/** The sums of a generation, in order, without what they consist of. */
export const rollupsOf = (db: Models, generation: string): Promise<Pick<RollupDoc, 'node' | 'cells'>[]> =>
  db.rollups
    .find({ generation }, { _id: 0, node: 1, cells: 1 })
    .sort({ node: 1 })
    .lean<Pick<RollupDoc, 'node' | 'cells'>[]>()
    .exec();

/** The batches of one sum that have results in the given cells, in order. */
export async function batchesIn(
  db: Models,
  generation: string,
  node: number,
  cells: readonly number[],
): Promise<CountedBatch[]> {
  const sum = await db.rollups
    .findById(`${generation}/${node}`, { slots: 1 })
    .lean<Pick<RollupDoc, 'slots'>>()
    .exec();
  return Object.entries(sum?.slots ?? {})
    .map(([slot, { c }]) => ({ ordinal: node * FAN_OUT + Number(slot), count: countIn(c, cells) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.ordinal - b.ordinal);
}
