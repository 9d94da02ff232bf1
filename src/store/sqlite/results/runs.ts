/**
 * The runs of the index of addresses and domains. New entries go to a short run, which touches few pages of the file. Full
 * runs are merged, sixteen into one, so a search looks into a few runs however long the file is.
 */
import type { Database } from '../database.js';

/** Addresses in a run that is filled, about. */
const RUN_LENGTH = 1024;
/** Runs of one level that are merged into a run of the next. */
const MERGED_AT_ONCE = 16;
/** Rows that a merge takes from each run at once, and about how many from all in one step: other writes wait for no more. */
const MERGE_ROWS = 128;
const MERGED_ROWS = 1024;
/** Rows that one step of a deletion takes. */
const DELETE_ROWS = 2048;

/** The two tables of the index, each with what it has beside `generation`, `run` and the rest of the key: `key, place`. */
const TABLES = [
  { table: 'addresses', values: 'cell' },
  { table: 'domains', values: 'offsets, cells' },
] as const;
type Table = (typeof TABLES)[number];

export const RUNS = 'SELECT run FROM runs WHERE generation = ?1';

/** The run that is being filled; a new one where it is long enough. */
export function takeRun(db: Database, generation: number, length: number): number {
  const sql = `UPDATE generations SET run = run + (runLength >= ${RUN_LENGTH}), runLength = iif(runLength >= ${RUN_LENGTH}, 0, runLength) + ?
    WHERE generation = ? RETURNING run, runLength`;
  const { run, runLength } = db.get<{ run: number; runLength: number }>(sql, length, generation) ?? {
    run: 0,
    runLength: 0,
  };
  if (runLength === length) {
    db.run('INSERT INTO runs (generation, run, level) VALUES (?, ?, 0)', generation, run);
    beginMerge(db, generation, 0, run);
  }
  return run;
}

/** Begins to merge the oldest full runs of a level, if there are enough. `filling` is not full. */
function beginMerge(db: Database, generation: number, level: number, filling: number): void {
  const full = db.all<{ run: number }>(
    `SELECT run FROM runs AS r WHERE generation = ?1 AND level = ?2 AND run <> ?3 AND target IS NULL
       AND NOT EXISTS (SELECT 1 FROM runs WHERE generation = ?1 AND target = r.run)
     ORDER BY abs(run) LIMIT ${MERGED_AT_ONCE}`,
    generation,
    level,
    filling,
  );
  if (full.length < MERGED_AT_ONCE) return;
  // Runs that are filled count from 0 up, merged ones from -1 down.
  const sql = 'SELECT min(0, min(run)) - 1 AS run FROM runs WHERE generation = ?';
  const target = db.get<{ run: number }>(sql, generation)?.run ?? -1;
  db.run('INSERT INTO runs (generation, run, level) VALUES (?, ?, ?)', generation, target, level + 1);
  for (const { run } of full)
    db.run('UPDATE runs SET target = ? WHERE generation = ? AND run = ?', target, generation, run);
}

export const needsMerge = (db: Database): boolean =>
  db.get('SELECT 1 AS some FROM runs WHERE target IS NOT NULL LIMIT 1') !== undefined;

/**
 * Does one step of a merge: moves the smallest entries of its runs. Each entry is in exactly one run at any time, so a
 * search in between finds it, and after a crash the merge just goes on. False: there is nothing to merge.
 */
export function mergeSome(db: Database): boolean {
  const merge = db.get<{ generation: number; target: number }>(
    'SELECT generation, target FROM runs WHERE target IS NOT NULL LIMIT 1',
  );
  if (merge === undefined) return false;
  const { generation, target } = merge;
  const sources = db
    .all<{ run: number }>('SELECT run FROM runs WHERE generation = ? AND target = ?', generation, target)
    .map(({ run }) => run);
  for (const table of TABLES) {
    let moved = 0;
    while (moved < MERGED_ROWS) {
      // The keys of one run may all be below those of another: no run has more than `MERGE_ROWS` up to the least of their bounds.
      const upTo = leastOf(sources.flatMap((run) => boundOf(db, table, generation, run) ?? []));
      if (upTo === undefined) break;
      const before = moved;
      for (const run of sources) moved += move(db, table, generation, run, target, upTo);
      // Else this thread, which all writes wait for, would go round for ever.
      if (moved === before) throw new Error('a merge of the index does not get on');
    }
    if (moved > 0) return true;
  }
  const { level } = db.get<{ level: number }>(
    'SELECT level FROM runs WHERE generation = ? AND run = ?',
    generation,
    target,
  ) ?? { level: 1 };
  db.run('DELETE FROM runs WHERE generation = ? AND target = ?', generation, target);
  beginMerge(db, generation, level, 0);
  return true;
}

interface Bound {
  readonly key: string;
  readonly place: number;
}

/** Keys are compared by their bytes, as SQLite does. */
const leastOf = (bounds: readonly Bound[]): Bound | undefined =>
  [...bounds].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.place - b.place)[0];

/**
 * The last of the entries that a merge takes from a run at once, or its last one; undefined: the run is empty. The key is read as
 * JSON: the driver ends a text at its first NUL.
 */
function boundOf(db: Database, { table }: Table, generation: number, run: number): Bound | undefined {
  const sql = (order: string) =>
    `SELECT json_quote(key) AS json, place FROM ${table} WHERE generation = ? AND run = ? ORDER BY key ${order}, place ${order} LIMIT 1`;
  const row =
    db.get<BoundRow>(`${sql('ASC')} OFFSET ${MERGE_ROWS - 1}`, generation, run) ??
    db.get<BoundRow>(sql('DESC'), generation, run);
  return row && { key: JSON.parse(row.json) as string, place: row.place };
}

type BoundRow = { readonly json: string; readonly place: number };

const UP_TO = 'WHERE generation = ? AND run = ? AND (key, place) <= (?, ?)';

/** Answers with the number of entries that it has moved. */
function move(
  db: Database,
  { table, values }: Table,
  generation: number,
  run: number,
  target: number,
  { key, place }: Bound,
): number {
  const columns = `key, place, ${values}`;
  db.run(
    `INSERT INTO ${table} (generation, run, ${columns}) SELECT generation, ?, ${columns} FROM ${table} ${UP_TO}`,
    target,
    generation,
    run,
    key,
    place,
  );
  return db.run(`DELETE FROM ${table} ${UP_TO}`, generation, run, key, place).changes;
}

/** Deletes some of a generation's index; false: nothing is left of it. */
export function deleteSomeOfIndex(db: Database, generation: number): boolean {
  for (const { table } of TABLES) {
    const sql = `SELECT min(run) AS run FROM ${table} WHERE generation = ?`;
    const run = db.get<{ run: number | null }>(sql, generation)?.run ?? null;
    if (run === null) continue;
    const ofRun = 'generation = ?1 AND run = ?2';
    const { changes } = db.run(
      `DELETE FROM ${table} WHERE ${ofRun} AND (key, place) <=
         (SELECT key, place FROM ${table} WHERE ${ofRun} ORDER BY key, place LIMIT 1 OFFSET ${DELETE_ROWS - 1})`,
      ...[generation, run],
    );
    // It has fewer rows than that.
    if (changes === 0) db.run(`DELETE FROM ${table} WHERE ${ofRun}`, generation, run);
    return true;
  }
  db.run('DELETE FROM runs WHERE generation = ?', generation);
  return false;
}
