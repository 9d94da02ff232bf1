import { randomUUID } from 'node:crypto';
import { trusted } from 'mongoose';
import { add, NOTHING } from '../../domain/summary.js';
import type { FileDoc } from './documents.js';
import { bury } from './lives.js';
import type { Models } from './models.js';
import { batchStates } from './news.js';

/** Files purged in one go. */
const AT_ONCE = 16;

/**
 * Purges some of the files that were over before then. Each goes on as a life without results, in one write; `buried` is
 * told of the old one, which is cleaned away like one that was replaced.
 */
export async function purge(
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
        intent: trusted({ $exists: false }),
      },
      { _id: 0 },
    )
    .sort({ completedAt: 1 })
    .limit(AT_ONCE)
    .lean<FileDoc[]>()
    .exec();
  const purged: string[] = [];
  for (const file of finished) {
    const { fileId, life, requestId, changes } = file;
    const batches = await batchStates(db, fileId);
    const totals = batches.reduce((sum, { summary }) => add(sum, summary), NOTHING);
    await bury(db, file, false);
    // Only as it was when it was added up: what came in between makes it wait for the next time.
    const { modifiedCount } = await db.files.updateOne(
      { fileId, life, requestId, changes, intent: trusted({ $exists: false }) },
      {
        $set: {
          ...WITHOUT_RESULTS,
          unannounced: new Date(),
          life: randomUUID(),
          purged: JSON.stringify(totals),
        },
        $unset: { statsAt: 1 },
      },
    );
    if (modifiedCount === 0) continue;
    buried({ _id: life, requestId });
    purged.push(fileId);
  }
  return purged;
}

const WITHOUT_RESULTS = { status: 'purged', next: 0, changes: 1, stats: null } as const;
