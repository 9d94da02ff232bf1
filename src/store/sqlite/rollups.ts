/**
 * Counts of results by cell, added up over neighbouring batches: a tree whose leaves are the batches, so that a page is
 * found in a few steps however many batches a file has.
 */
import type { Database } from './database.js';
import { CELL_COLUMNS } from './schema.js';

/** Nodes below a node. */
const FAN_OUT = 16;
/** Levels above the batches. The top one is read from its start: it stays short up to millions of batches. */
const LEVELS = 5;

const CELLS = CELL_COLUMNS.map((_, cell) => `?${2 + cell}`).join(', ');
const NODES = Array.from(
  { length: LEVELS },
  (_, index) => `(?1, ${index + 1}, ?${2 + CELL_COLUMNS.length + index}, ${CELLS})`,
);
const UPSERT = `INSERT INTO rollups (generation, level, node, ${CELL_COLUMNS.join(', ')}) VALUES ${NODES.join(', ')}
  ON CONFLICT (generation, level, node) DO UPDATE SET ${CELL_COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`;

/** Adds the change of a batch's counts to the rollups above it. */
export function addToRollups(
  db: Database,
  generation: number,
  ordinal: number,
  change: readonly number[],
): void {
  if (change.every((count) => count === 0)) return;
  const nodes = Array.from({ length: LEVELS }, (_, index) => Math.floor(ordinal / FAN_OUT ** (index + 1)));
  db.run(UPSERT, generation, ...change, ...nodes);
}

/** SQL for the sum of the given cells of a row. */
export const sumOf = (cells: readonly number[]): string => cells.map((cell) => `c${cell}`).join(' + ');

/** How many results of a generation lie in the given cells. */
export function countOf(db: Database, generation: number, cells: readonly number[]): number {
  const sql = `SELECT sum(${sumOf(cells)}) AS count FROM rollups WHERE generation = ? AND level = ${LEVELS}`;
  return db.get<{ count: number | null }>(sql, generation)?.count ?? 0;
}

export interface FoundPosition {
  /** Ordinal of the batch that holds it. */
  readonly ordinal: number;
  /** Results in the given cells before it in this batch. */
  readonly skip: number;
}

/** Where a result is, by its number among those in the given cells, counted from 0; null: there are fewer. */
export function findPosition(
  db: Database,
  generation: number,
  cells: readonly number[],
  number: number,
): FoundPosition | null {
  let from = 0;
  let below = Number.MAX_SAFE_INTEGER;
  let skip = number;
  for (let level = LEVELS; level >= 0; level--) {
    const row = db.get<{ node: number; skipped: number }>(
      level === 0 ? inBatches(cells) : inRollups(cells),
      ...[generation, ...(level === 0 ? [] : [level]), from, below, skip],
    );
    if (row === undefined) return null;
    skip -= row.skipped;
    if (level === 0) return { ordinal: row.node, skip };
    from = row.node * FAN_OUT;
    below = from + FAN_OUT;
  }
  return null;
}

/** SQL for the first node with which the running count exceeds the number, and for the count before that node. */
const firstBeyond = (rows: string): string => `
  SELECT node, before AS skipped
  FROM (SELECT node, count, sum(count) OVER (ORDER BY node) - count AS before FROM (${rows}))
  WHERE before + count > ? LIMIT 1`;

const inRollups = (cells: readonly number[]): string =>
  firstBeyond(
    `SELECT node, ${sumOf(cells)} AS count FROM rollups WHERE generation = ? AND level = ? AND node >= ? AND node < ?`,
  );

const inBatches = (cells: readonly number[]): string =>
  firstBeyond(
    `SELECT ordinal AS node, ${sumOf(cells)} AS count FROM batches WHERE generation = ? AND ordinal >= ? AND ordinal < ?`,
  );
