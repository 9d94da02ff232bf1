/** What the files of each owner, and all files, add up to in SQLite: kept with every change of a file's stats. */
import type { UserId } from '../../domain/id.js';
import { ALL_FILES, additionsOf, type Counts, difference, sumOf } from '../../domain/overview.js';
import type { OverviewCounts, Viewer } from '../store.js';
import type { Database } from './database.js';

interface OverviewRow {
  counts: string;
  lastUpdated: number;
}

/** What a file adds, as JSON in its generation. */
export interface FileCounts {
  readonly counts: Counts;
  /** `lastUpdated` of its stats, in milliseconds since 1970. */
  readonly at: number;
}

/** What a file adds, and to whom; `counted` null: nothing, because none of its stats are kept yet. */
export interface KeptCounts {
  readonly userId: UserId | null;
  readonly counted: string | null;
}

/** Counts a file as it is after a change instead of as it was before. */
export function recount(db: Database, before: KeptCounts, after: KeptCounts): void {
  const [less, more] = [fileCountsIn(before), fileCountsIn(after)];
  const at = Math.max(less.at, more.at);
  const changed = additionsOf({ ...before, ...less }, { ...after, ...more });
  for (const { owner, by } of changed) addCounts(db, owner, by, at);
}

const fileCountsIn = ({ counted }: KeptCounts): FileCounts =>
  counted === null ? { counts: {}, at: 0 } : (JSON.parse(counted) as FileCounts);

function addCounts(db: Database, owner: UserId, by: Counts, at: number): void {
  if (Object.keys(by).length === 0) return;
  const row = rowOf(db, owner);
  const counts = difference(sumOf([countsIn(row), by]), {});
  db.run(
    'INSERT OR REPLACE INTO overviews (owner, counts, lastUpdated) VALUES (?, ?, ?)',
    ...[owner, JSON.stringify(counts), Math.max(row?.lastUpdated ?? 0, at)],
  );
}

const rowOf = (db: Database, owner: string): OverviewRow | undefined =>
  db.get<OverviewRow>('SELECT counts, lastUpdated FROM overviews WHERE owner = ?', owner);

const countsIn = (row: OverviewRow | undefined): Counts =>
  row === undefined ? {} : (JSON.parse(row.counts) as Counts);

/** Null: of all files. A viewer's own files are one row; the files that its token names are read one by one. */
export function overview(db: Database, viewer: Viewer | null): OverviewCounts {
  const row = viewer?.userId === null ? undefined : rowOf(db, viewer?.userId ?? ALL_FILES);
  const named = db
    .all<{ counted: string }>(
      `SELECT counted FROM generations WHERE state = 0 AND counted IS NOT NULL AND (?1 IS NULL OR userId IS NOT ?1)
         AND fileId IN (SELECT value FROM json_each(?2))`,
      viewer?.userId ?? null,
      JSON.stringify(viewer?.fileIds ?? []),
    )
    .map(({ counted }) => JSON.parse(counted) as FileCounts);
  return {
    counts: sumOf([countsIn(row), ...named.map(({ counts }) => counts)]),
    lastUpdated: Math.max(row?.lastUpdated ?? 0, ...named.map(({ at }) => at)),
  };
}
