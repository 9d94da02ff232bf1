import { randomUUID } from 'node:crypto';
import { trusted } from 'mongoose';
import { add, EMPTY_SUMMARY } from '../../../domain/summary.js';
import { batchStates } from '../changes.js';
import type { FileDoc } from '../documents.js';
import { writeTombstone } from '../generations.js';
import type { Models } from '../models.js';

/** Files purged in one go. */
const AT_ONCE = 16;

/**
 * Purges some of the files that were over before then. Each goes on as a generation without results, in one write; `buried` is
 * told of the old one, which is cleaned away like one that was replaced.
 */
export async function purgeFiles(
  db: Models,
  before: number,
  buried: (ended: { _id: string; requestId: string | null }) => void,
): Promise<string[]> {
  const finished = await db.files
    .find(
      {
        status: trusted({ $in: ['completed', 'failed'] }),
        completedAt: trusted({ $lt: new Date(before) }),
        unannounced: trusted({ $exists: false }),
        pending: trusted({ $exists: false }),
      },
      { _id: 0 },
    )
    .sort({ completedAt: 1 })
    .limit(AT_ONCE)
    .lean<FileDoc[]>()
    .exec();
  const purged: string[] = [];
  for (const file of finished) {
    const { fileId, generation, requestId, changes } = file;
    const batches = await batchStates(db, fileId);
    const totals = batches.reduce((sum, { summary }) => add(sum, summary), EMPTY_SUMMARY);
    await writeTombstone(db, file, false);
    // Only as it was when it was added up: what came in between makes it wait for the next time.
    const { modifiedCount } = await db.files.updateOne(
      { fileId, generation, requestId, changes, pending: trusted({ $exists: false }) },
      {
        $set: {
          ...WITHOUT_RESULTS,
          unannounced: new Date(),
          generation: randomUUID(),
          purged: JSON.stringify(totals),
        },
        $unset: { statsAt: 1 },
      },
    );
    if (modifiedCount === 0) continue;
    buried({ _id: generation, requestId });
    purged.push(fileId);
  }
  return purged;
}

const WITHOUT_RESULTS = { status: 'purged', next: 0, changes: 1, stats: null } as const;
