/**
 * Counts of results by cell: of each batch, and added up over neighbouring batches. They form a tree whose leaves are the
 * batches, so the batches of a page are found in a few steps however many batches a file has, and however rare what it shows.
 */
import type { PageWindow } from '../positions.js';
import type { Database } from './database.js';

/** A node has 2^5 nodes below it. */
const FAN_OUT_BITS = 5;
/** Levels of nodes; batches are level 0. The top one is read from its start: it stays short up to millions of batches. */
const TOP = 3;
/** What the nodes of the top level have as their parent. */
const ROOT = 0;

const PARENT = `iif(level = ${TOP}, ${ROOT}, ?2 >> (${FAN_OUT_BITS} * (level + 1)))`;
const LEVELS = Array.from({ length: TOP + 1 }, (_, level) => `(${level})`).join(', ');

/** One statement for all cells and levels. */
const ADD = `
  INSERT INTO rollups (generation, level, parent, cell, node, count)
  SELECT ?1, level, ${PARENT}, CAST(change.key AS INTEGER), ?2 >> (${FAN_OUT_BITS} * level), change.value
  FROM (SELECT column1 AS level FROM (VALUES ${LEVELS})) CROSS JOIN json_each(?3) AS change WHERE TRUE
  ON CONFLICT DO UPDATE SET count = count + excluded.count`;

/** Adds the change of a batch's counts to those of the batch and to the rollups above it. */
export function addToRollups(
  db: Database,
  generation: number,
  ordinal: number,
  change: readonly number[],
): void {
  // Few cells change, and the statement reads all of them once for each level.
  const changed = change.flatMap((count, cell) => (count === 0 ? [] : [[cell, count] as const]));
  if (changed.length > 0) db.run(ADD, generation, ordinal, JSON.stringify(Object.fromEntries(changed)));
}

/** Rows that one step of a deletion takes. */
const DELETED_AT_ONCE = 2_048;

/** Deletes some of a generation's; false: none are left. */
export const deleteSomeRollups = (db: Database, generation: number): boolean =>
  db.run(
    `DELETE FROM rollups WHERE generation = ?1 AND (level, parent, cell, node) IN
       (SELECT level, parent, cell, node FROM rollups WHERE generation = ?1 LIMIT ${DELETED_AT_ONCE})`,
    generation,
  ).changes > 0;

const IN_CELLS = 'cell IN (SELECT value FROM json_each(?2))';

/** How many results of a generation lie in the given cells. */
export function countOf(db: Database, generation: number, cells: readonly number[]): number {
  const sql = `SELECT sum(count) AS count FROM rollups
    WHERE generation = ?1 AND level = ${TOP} AND parent = ${ROOT} AND ${IN_CELLS}`;
  return db.get<{ count: number | null }>(sql, generation, JSON.stringify(cells))?.count ?? 0;
}

/** The nodes below some nodes that have results in the given cells, in order. */
const BELOW = `SELECT node, sum(count) AS count FROM rollups
  WHERE generation = ?1 AND level = ?3 AND parent IN (SELECT value FROM json_each(?4)) AND ${IN_CELLS}
  GROUP BY node HAVING sum(count) > 0 ORDER BY node`;

interface FoundBatches {
  /** Their ordinals, in order. */
  readonly ordinals: readonly number[];
  /** Results in the given cells before the window, in the first of them. */
  readonly skip: number;
}

/** The batches that a page comes from: a window of the results in the given cells. */
export function findBatches(
  db: Database,
  generation: number,
  cells: readonly number[],
  window: PageWindow,
): FoundBatches {
  let nodes = [ROOT];
  let { skip } = window;
  for (let level = TOP; level >= 0; level--) {
    const below = db.all<{ node: number; count: number }>(
      BELOW,
      generation,
      JSON.stringify(cells),
      level,
      JSON.stringify(nodes),
    );
    nodes = [];
    let found = 0;
    for (const { node, count } of below) {
      if (nodes.length === 0 && count <= skip) {
        skip -= count;
        continue;
      }
      if (found >= skip + window.limit) break;
      nodes.push(node);
      found += count;
    }
  }
  return { ordinals: nodes, skip };
}
