import type { FileStore } from '../store.js';
import type { RecentWrites } from './batches/recent-writes.js';
import { purgeFiles, removeFile } from './clean-up/remove-files.js';
import type { BackgroundCleanUp } from './clean-up/sweep.js';
import type { MongoConnection } from './connection.js';
import { batchPage, batchStates, countBatches, listFiles } from './file-reads.js';
import { factsOf, findFile } from './generations.js';
import { fileLock, type KeyedLock } from './keyed-lock.js';
import { readOverview } from './overview.js';

/** The files in MongoDB. */
export const mongoFiles = (
  connection: MongoConnection,
  locks: KeyedLock,
  recent: RecentWrites,
  cleanUp: BackgroundCleanUp,
): FileStore => ({
  find: (fileId) =>
    connection.run(async (db) => {
      const file = await findFile(db, fileId);
      return file === null ? null : factsOf(file);
    }),
  list: (query) => connection.run((db) => listFiles(db, query)),
  batches: (fileId) => connection.run((db) => batchStates(db, fileId)),
  batchPage: (query) => connection.run((db) => batchPage(db, query)),
  overview: (viewer) => connection.run((db) => readOverview(db, viewer)),
  batchCounts: (fileId) => connection.run((db) => countBatches(db, fileId)),
  remove: (fileId) =>
    locks.run([fileLock(fileId, true)], (db) => removeFile(db, fileId)).finally(() => recent.forgetAll()),
  async purge(before) {
    const purged = await connection.run((db) =>
      purgeFiles(db, before, (ended) => {
        recent.forgetAll();
        cleanUp.clean(ended);
      }),
    );
    if (purged.length > 0) recent.forgetAll();
    return purged;
  },
});
