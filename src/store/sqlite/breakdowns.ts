/** The breakdowns that were counted by reading all results of a file, kept in SQLite. */
import type { CountedByScan } from '../../domain/breakdown.js';
import type { FileId, Generation } from '../../domain/id.js';
import type { KeptRanking } from '../breakdowns.js';
import type { Database } from './database.js';
import { CURRENT, findGeneration } from './generations.js';

function findBreakdown(db: Database, fileId: FileId, by: CountedByScan): KeptRanking | null {
  const row = db.get<KeptRanking>(
    `SELECT b.changes, b.ranking FROM generations AS g JOIN breakdowns AS b USING (generation)
     WHERE g.fileId = ? AND g.state = ${CURRENT} AND b.property = ?`,
    fileId,
    by,
  );
  return row === undefined ? null : { changes: row.changes, ranking: row.ranking };
}

function keepBreakdowns(
  db: Database,
  _fileId: FileId,
  generation: Generation,
  changes: number,
  rankings: Readonly<Record<CountedByScan, string>>,
): void {
  if (findGeneration(db, Number(generation))?.state !== CURRENT) return;
  for (const [by, ranking] of Object.entries(rankings))
    db.run(
      'INSERT OR REPLACE INTO breakdowns (generation, property, changes, ranking) VALUES (?, ?, ?, ?)',
      Number(generation),
      by,
      changes,
      ranking,
    );
}

export const breakdownWrites = { keep: keepBreakdowns };
export const breakdownReads = { find: findBreakdown };
