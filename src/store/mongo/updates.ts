import type { BatchId, FileId } from '../../domain/id.js';
import type { Update } from '../../domain/update.js';
import type {
  HeldCounts,
  IncompleteBatches,
  IncompleteQuery,
  Registered,
  Registration,
  Saved,
  Silence,
  StalledBatches,
  UpdateStore,
} from '../store.js';
import { AmbiguousWrites } from './ambiguous-writes.js';
import type { HeldUpdates } from './batches/held-updates.js';
import { incompleteBatches, markStalledBatches } from './batches/incomplete-batches.js';
import type { RecentWrites } from './batches/recent-writes.js';
import { failBatchByHand, fileOfBatch, saveUpdate } from './batches/save-update.js';
import type { BackgroundCleanUp } from './clean-up/sweep.js';
import type { MongoConnection } from './connection.js';
import { batchLock, fileLock, type KeyedLock } from './keyed-lock.js';
import type { Models } from './models.js';
import { register } from './registration/register.js';

/** Registrations and updates in MongoDB, in the order in which this gateway gets them. */
export class MongoUpdates implements UpdateStore {
  readonly #ambiguous = new AmbiguousWrites();

  constructor(
    private readonly connection: MongoConnection,
    private readonly locks: KeyedLock,
    private readonly held: HeldUpdates,
    private readonly recent: RecentWrites,
    private readonly cleanUp: BackgroundCleanUp,
  ) {}

  fileOfBatch(batchId: BatchId): Promise<FileId | null> {
    return this.connection.run((db) => fileOfBatch(db, batchId, this.recent));
  }

  register(registration: Registration): Promise<Registered> {
    const { fileId, batches } = registration;
    return this.locks.run([fileLock(fileId, true)], (db) =>
      this.#ambiguous.run(
        `file ${fileId}`,
        () => this.#register(db, registration),
        (answer) =>
          answer.outcome === 'unchanged'
            ? { ...answer, outcome: 'extended', touched: batches.map(({ batchId }) => batchId) }
            : answer,
      ),
    );
  }

  save(update: Update): Promise<Saved> {
    const { batchId, fileId } = update;
    const locks = [batchLock(batchId), ...(fileId === null ? [] : [fileLock(fileId, false)])];
    return this.locks.run(locks, (db) =>
      this.#ambiguous.run(
        `batch ${batchId}`,
        () =>
          saveUpdate(db, update, this.held, this.recent, (registration) => this.#register(db, registration)),
        (saved) => (saved.outcome === 'unchanged' ? { ...saved, outcome: 'applied' } : saved),
      ),
    );
  }

  fail(fileId: FileId, batchId: BatchId, reason: string): Promise<boolean> {
    return this.locks.run([batchLock(batchId), fileLock(fileId, false)], (db) =>
      failBatchByHand(db, fileId, batchId, reason),
    );
  }

  markStalled(silence: Silence): Promise<StalledBatches[]> {
    return this.connection.run((db) => markStalledBatches(db, silence));
  }

  incompleteBatches(query: IncompleteQuery): Promise<IncompleteBatches> {
    return this.connection.run((db) => incompleteBatches(db, query));
  }

  heldCounts(): Promise<HeldCounts> {
    return this.connection.run((db) => this.held.counts(db));
  }

  dropExpired(): Promise<void> {
    return this.connection.run((db) => this.held.dropExpired(db, Date.now()));
  }

  #register(db: Models, registration: Registration): Promise<Registered> {
    return register(db, this.held, registration, {
      replaced: (ended) => {
        this.recent.forgetAll();
        this.cleanUp.clean(ended);
      },
      placed: (batches) => {
        for (const placed of batches) this.recent.rememberHead(placed);
      },
    });
  }
}
