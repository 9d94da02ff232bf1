import type { FileId } from '../../domain/id.js';
import type { FileFacts } from '../../domain/stats.js';
import type { BatchCounts, BatchState, FileStore, FilesQuery, ListedFile } from '../store.js';
import type { RecentWrites } from './batches/recent-writes.js';
import { purgeFiles, removeFile } from './clean-up/remove-files.js';
import type { BackgroundCleanUp } from './clean-up/sweep.js';
import type { MongoConnection } from './connection.js';
import { batchStates, countBatches, findRolledUpFile, listFiles } from './file-reads.js';
import { factsOf } from './generations.js';
import { fileLock, type KeyedLock } from './keyed-lock.js';

/** The files in MongoDB. */
export class MongoFiles implements FileStore {
  constructor(
    private readonly connection: MongoConnection,
    private readonly locks: KeyedLock,
    private readonly recent: RecentWrites,
    private readonly cleanUp: BackgroundCleanUp,
  ) {}

  find(fileId: FileId): Promise<FileFacts | null> {
    return this.connection.run(async (db) => {
      const file = await findRolledUpFile(db, fileId);
      return file === null ? null : factsOf(file);
    });
  }

  list(query: FilesQuery): Promise<ListedFile[]> {
    return this.connection.run((db) => listFiles(db, query));
  }

  batches(fileId: FileId): Promise<BatchState[]> {
    return this.connection.run((db) => batchStates(db, fileId));
  }

  batchCounts(fileId: FileId): Promise<BatchCounts> {
    return this.connection.run((db) => countBatches(db, fileId));
  }

  remove(fileId: FileId): Promise<boolean> {
    return this.locks
      .run([fileLock(fileId, true)], (db) => removeFile(db, fileId))
      .finally(() => this.recent.forgetAll());
  }

  async purge(before: number): Promise<FileId[]> {
    const purged = await this.connection.run((db) =>
      purgeFiles(db, before, (ended) => {
        this.recent.forgetAll();
        this.cleanUp.clean(ended);
      }),
    );
    if (purged.length > 0) this.recent.forgetAll();
    return purged;
  }
}
