/** The files in MongoDB. */
import type { FileId } from '../../domain/id.js';
import { VALIDATOR } from '../../domain/ownership.js';
import type { FileFacts } from '../../domain/stats.js';
import type { FileStore, FilesQuery } from '../store.js';
import type { AnnouncedMarks } from './announced-marks.js';
import type { RecentWrites } from './batches/recent-writes.js';
import { purgeFiles, removeFile } from './clean-up/remove-files.js';
import type { BackgroundCleanUp } from './clean-up/sweep.js';
import type { MongoConnection } from './connection.js';
import { batchPage, batchStates, countBatches, listFiles } from './file-reads.js';
import { factsOf, findFile } from './generations.js';
import { fileLock, type KeyedLock } from './keyed-lock.js';
import type { Models } from './models.js';
import { readOverview } from './overview.js';

export const mongoFiles = (
  connection: MongoConnection,
  locks: KeyedLock,
  recent: RecentWrites,
  marks: AnnouncedMarks,
  cleanUp: BackgroundCleanUp,
): FileStore => ({
  ...connection.part({
    find: findFacts,
    list: (db: Models, query: FilesQuery) => listFiles(db, query, marks),
    batchPage,
    batchCounts: countBatches,
    overview: readOverview,
  }),
  batches: (fileId, keep) => connection.run((db) => batchStates(db, fileId, keep)),
  remove: (fileId, claimant = VALIDATOR) =>
    locks
      .run([fileLock(fileId, true)], (db) => removeFile(db, fileId, claimant, connection.stopping))
      .finally(() => recent.forgetAll()),
  async purge(before) {
    const purged = await connection.run((db) =>
      purgeFiles(db, before, marks, (ended) => {
        recent.forgetAll();
        cleanUp.clean(ended);
      }),
    );
    if (purged.length > 0) recent.forgetAll();
    return purged;
  },
});

async function findFacts(db: Models, fileId: FileId): Promise<FileFacts | null> {
  const file = await findFile(db, fileId);
  return file === null ? null : factsOf(file);
}
