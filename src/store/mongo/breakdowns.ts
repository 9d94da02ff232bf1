/** The breakdowns that were counted by reading all results of a file, kept in MongoDB. */
import type { CountedByScan } from '../../domain/breakdown.js';
import type { FileId, Generation } from '../../domain/id.js';
import type { KeptRanking } from '../breakdowns.js';
import { findFile } from './generations.js';
import { findDoc, type Models, updateEach } from './models.js';

export const breakdownCalls = { find: findBreakdown, keep: keepBreakdowns };

async function findBreakdown(db: Models, fileId: FileId, by: CountedByScan): Promise<KeptRanking | null> {
  const file = await findFile(db, fileId);
  if (file === null) return null;
  const kept = await findDoc(db.breakdowns, { _id: `${file.generation}/${by}` });
  return kept === null ? null : { changes: kept.changes, ranking: kept.ranking };
}

/**
 * Checked before and after: a generation that ends in between may have been cleaned already. If the gateway dies between
 * the write and the check, the sweep cleans: it looks at each ended generation again after a minute.
 */
async function keepBreakdowns(
  db: Models,
  fileId: FileId,
  generation: Generation,
  changes: number,
  rankings: Readonly<Record<CountedByScan, string>>,
): Promise<void> {
  const isCurrent = async () => (await findFile(db, fileId))?.generation === generation;
  if (!(await isCurrent())) return;
  await updateEach(
    db.breakdowns,
    Object.entries(rankings).map(([by, ranking]) => ({
      filter: { _id: `${generation}/${by}` },
      update: { $set: { generation, changes, ranking } },
      upsert: true,
    })),
  );
  if (!(await isCurrent())) await db.breakdowns.deleteMany({ generation });
}
