/** What the files of each owner, and all files, add up to in SQLite: kept with every change of a file's stats. */
import type { UserId } from '../../domain/id.js';
import { type Counts, difference, sumOf } from '../../domain/overview.js';
import type { OverviewCounts, Viewer } from '../store.js';
import type { Database } from './database.js';

/** The row of all files. No user's id is empty. */
const ALL = '';

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
export interface OwnedCounts {
  readonly userId: UserId | null;
  readonly counted: string | null;
}

/** Counts a file as it is after a change instead of as it was before. */
export function recount(db: Database, before: OwnedCounts, after: OwnedCounts): void {
  const [less, more] = [fileCountsIn(before), fileCountsIn(after)];
  const by = difference(more.counts, less.counts);
  const at = Math.max(less.at, more.at);
  addCounts(db, ALL, by, at);
  if (before.userId === after.userId) addCounts(db, after.userId, by, at);
  else {
    addCounts(db, before.userId, difference({}, less.counts), at);
    addCounts(db, after.userId, more.counts, at);
  }
}

const fileCountsIn = ({ counted }: OwnedCounts): FileCounts =>
  counted === null ? { counts: {}, at: 0 } : (JSON.parse(counted) as FileCounts);

/** An owner of null is none. */
function addCounts(db: Database, owner: string | null, by: Counts, at: number): void {
  if (owner === null || Object.keys(by).length === 0) return;
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
  const row = viewer?.userId === null ? undefined : rowOf(db, viewer?.userId ?? ALL);
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
