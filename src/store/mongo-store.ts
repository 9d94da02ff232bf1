import { DeadLetterRecords } from './dead-letter-records.js';
import type { DeadLetterStore } from './dead-letters.js';
import { AmbiguousWrites } from './mongo/ambiguous-writes.js';
import { HeldUpdates } from './mongo/batches/held-updates.js';
import { incompleteBatches } from './mongo/batches/incomplete-batches.js';
import { RecentWrites } from './mongo/batches/recent-writes.js';
import { failBatchByHand, fileOfBatch, saveUpdate } from './mongo/batches/save-update.js';
import { markStalledBatches } from './mongo/batches/stalls.js';
import { batchStates, changesSince, countBatches, rolledUpFile } from './mongo/changes.js';
import { cleanGeneration } from './mongo/clean-up/clean-generation.js';
import { purgeFiles } from './mongo/clean-up/remove-files.js';
import { removeFile, sweep } from './mongo/clean-up/sweep.js';
import { MongoConnection } from './mongo/connection.js';
import { MongoDeadLetters } from './mongo/dead-letters.js';
import { faultOf } from './mongo/errors.js';
import { listFiles } from './mongo/file-list.js';
import { factsOf } from './mongo/generations.js';
import { KeyedLock, type LockRequest } from './mongo/keyed-lock.js';
import type { Models } from './mongo/models.js';
import { findUnannounced, markAnnounced } from './mongo/outbox.js';
import { readPage } from './mongo/pages.js';
import { claimReceipt, completeReceipt } from './mongo/receipts.js';
import { register } from './mongo/registration/register.js';
import { type ScanPoint, type ScanSlice, scanSlice, scanStart } from './mongo/scan.js';
import type { ReceiptStore } from './receipts.js';
import type {
  ChangeStore,
  FileStore,
  Registered,
  Registration,
  ResultStore,
  Store,
  UpdateStore,
} from './store.js';

export interface MongoOptions {
  readonly uri: string;
  readonly heldTtlMs: number;
  readonly maxHeldBytes: number;
  readonly deadLetterTtlMs: number;
  readonly maxDeadLetterBytes: number;
  /** Told why the database cannot be used, each time an attempt to connect or to clean up has failed. */
  readonly onProblem?: ((reason: Error) => void) | undefined;
}

/** How often a gateway looks for what another one that died has left half done. */
const SWEEP_MS = 30_000;
const file = (fileId: string, exclusive: boolean): LockRequest => ({ key: `file ${fileId}`, exclusive });
const batch = (batchId: string): LockRequest => ({ key: `batch ${batchId}`, exclusive: true });

/**
 * The store in MongoDB, for any number of gateways at once. There are no transactions: what must be atomic is one
 * document, written on condition that it is as it was read. ADR 9 says in which order documents are written, and what
 * heals a crash between two of them.
 */
export class MongoStore implements Store {
  readonly #held: HeldUpdates;
  readonly #locks = new KeyedLock();
  readonly #ambiguous = new AmbiguousWrites();
  readonly #recent = new RecentWrites();
  readonly #sweeping: NodeJS.Timeout;
  readonly deadLetters: DeadLetterStore;

  private constructor(
    private readonly connection: MongoConnection,
    private readonly options: MongoOptions,
  ) {
    this.#held = new HeldUpdates({ ttlMs: options.heldTtlMs, maxBytes: options.maxHeldBytes });
    const { deadLetterTtlMs: ttlMs, maxDeadLetterBytes: maxBytes } = options;
    this.deadLetters = new MongoDeadLetters(connection, new DeadLetterRecords({ ttlMs, maxBytes }), maxBytes);
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeping.unref();
  }

  /**
   * The database need not be there: connecting goes on in the background.
   * @throws FatalError where the address makes no sense
   */
  static open(options: MongoOptions): MongoStore {
    return new MongoStore(new MongoConnection(options), options);
  }

  readonly files: FileStore = {
    find: (fileId) =>
      this.connection.run(async (db) => {
        const found = await rolledUpFile(db, fileId);
        return found === null ? null : factsOf(found);
      }),
    list: (query) => this.connection.run((db) => listFiles(db, query)),
    batches: (fileId) => this.connection.run((db) => batchStates(db, fileId)),
    batchCounts: (fileId) => this.connection.run((db) => countBatches(db, fileId)),
    remove: (fileId) =>
      this.#locked([file(fileId, true)], (db) => removeFile(db, fileId)).finally(() =>
        this.#recent.forgetAll(),
      ),
    purge: async (before) => {
      const purged = await this.connection.run((db) =>
        purgeFiles(db, before, (ended) => this.#cleanUp(ended)),
      );
      if (purged.length > 0) this.#recent.forgetAll();
      return purged;
    },
  };

  readonly updates: UpdateStore = {
    fileOfBatch: (batchId) => this.connection.run((db) => fileOfBatch(db, batchId, this.#recent)),
    register: (registration) => {
      const { fileId, batches } = registration;
      return this.#locked([file(fileId, true)], (db) =>
        this.#ambiguous.run(
          `file ${fileId}`,
          () => this.#register(db, registration),
          (answer) =>
            answer.outcome === 'unchanged'
              ? { ...answer, outcome: 'extended', touched: batches.map(({ batchId }) => batchId) }
              : answer,
        ),
      );
    },
    save: (update) => {
      const { batchId, fileId } = update;
      const locks = [batch(batchId), ...(fileId === null ? [] : [file(fileId, false)])];
      return this.#locked(locks, (db) =>
        this.#ambiguous.run(
          `batch ${batchId}`,
          () =>
            saveUpdate(
              db,
              this.#held,
              update,
              (registration) => this.#register(db, registration),
              this.#recent,
            ),
          (saved) => (saved.outcome === 'unchanged' ? { ...saved, outcome: 'applied' } : saved),
        ),
      );
    },
    fail: (fileId, batchId, reason) =>
      this.#locked([batch(batchId), file(fileId, false)], (db) =>
        failBatchByHand(db, fileId, batchId, reason),
      ),
    markStalled: (silence) => this.connection.run((db) => markStalledBatches(db, silence)),
    incompleteBatches: (query) => this.connection.run((db) => incompleteBatches(db, query)),
    heldCounts: () => this.connection.run((db) => this.#held.counts(db)),
    dropExpired: () => this.connection.run((db) => this.#held.dropExpired(db, Date.now())),
  };

  readonly changes: ChangeStore = {
    since: (fileId, announced) =>
      this.connection.run((db) => changesSince(db, fileId, announced, this.#recent)),
    markAnnounced: (fileId, generation, announced, stats) =>
      this.connection.run((db) => markAnnounced(db, fileId, generation, announced, stats)),
    unannounced: (before) => this.connection.run((db) => findUnannounced(db, this.#held, before)),
  };

  readonly results: ResultStore = {
    page: (query) => this.connection.run((db) => readPage(db, query)),
    scan: (fileId, { status }) => scan(this.connection, fileId, status),
  };

  readonly receipts: ReceiptStore = {
    claim: (receipt) => this.connection.run((db) => claimReceipt(db, receipt)),
    complete: (receipt, answer) => this.connection.run((db) => completeReceipt(db, receipt, answer)),
  };

  /** @throws Fault `unavailable` where the database does not answer */
  ping(): Promise<void> {
    return this.connection.ping();
  }

  close(): Promise<void> {
    clearInterval(this.#sweeping);
    this.#recent.close();
    return this.connection.close();
  }

  #locked<T>(locks: readonly LockRequest[], work: (db: Models) => Promise<T>): Promise<T> {
    return this.connection.run((db) =>
      this.#locks.run(locks, () => work(db).catch((error: unknown) => Promise.reject(faultOf(error)))),
    );
  }

  #register(db: Models, registration: Registration): Promise<Registered> {
    return register(db, this.#held, registration, {
      buried: (ended) => this.#cleanUp(ended),
      placed: (batches) => {
        for (const placed of batches) this.#recent.rememberHead(placed);
      },
    });
  }

  /** In the background: where it fails, the sweep takes what is left of an earlier generation. */
  #cleanUp(ended: Parameters<typeof cleanGeneration>[1]): void {
    this.#recent.forgetAll();
    this.#inBackground((db, stopping) => cleanGeneration(db, ended, stopping));
  }

  #sweep(): void {
    this.#inBackground((db, stopping) => sweep(db, this.#held, Date.now(), stopping));
  }

  #inBackground(work: (db: Models, stopping: AbortSignal) => Promise<unknown>): void {
    const { stopping } = this.connection;
    const problem = (reason: Error) => stopping.aborted || this.options.onProblem?.(reason);
    this.connection.run((db) => work(db, stopping)).catch(problem);
  }
}

async function* scan(
  connection: MongoConnection,
  fileId: string,
  status: Parameters<typeof scanSlice>[2],
): AsyncGenerator<ScanSlice['results'], void, undefined> {
  let point: ScanPoint | null = await connection.run((db) => scanStart(db, fileId));
  while (point !== null) {
    const from: ScanPoint = point;
    const slice: ScanSlice = await connection.run((db) => scanSlice(db, from, status));
    yield slice.results;
    point = slice.next;
  }
}
