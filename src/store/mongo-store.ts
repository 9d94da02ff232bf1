/** Puts the store in MongoDB together from its parts, opens and closes it. */
import type { BreakdownStore } from './breakdowns.js';
import { DeadLetterRecords } from './dead-letter-records.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { ListStore } from './lists.js';
import { AnnouncedMarks } from './mongo/announced-marks.js';
import { HeldUpdates } from './mongo/batches/held-updates.js';
import { RecentWrites } from './mongo/batches/recent-writes.js';
import { breakdownCalls } from './mongo/breakdowns.js';
import { changesSince, keepStats } from './mongo/changes.js';
import { BackgroundCleanUp, type RemoveElsewhere } from './mongo/clean-up/sweep.js';
import { MongoConnection } from './mongo/connection.js';
import { MongoDeadLetters } from './mongo/dead-letters.js';
import { mongoFiles } from './mongo/files.js';
import { KeyedLock } from './mongo/keyed-lock.js';
import { findUnannounced, pendingChanges } from './mongo/outbox.js';
import { readPage } from './mongo/results/pages.js';
import { scanSlice, scanStart } from './mongo/results/scan.js';
import { revocationCalls } from './mongo/revocations.js';
import { RollupSchedule } from './mongo/rollups.js';
import { mongoSubmissions } from './mongo/submissions.js';
import { mongoUpdates } from './mongo/updates.js';
import { mongoLists } from './mongo/uploaded-lists.js';
import { webhookCalls } from './mongo/webhooks.js';
import type { RevocationStore } from './revocations.js';
import { scanSlices } from './scan.js';
import type { ChangeStore, FileStore, ResultStore, Store, UpdateStore } from './store.js';
import type { SubmissionStore } from './submissions.js';
import type { WebhookStore } from './webhooks.js';

interface MongoOptions {
  readonly uri: string;
  /** Of the gateways' keys in Redis: all gateways of one database have the same. Not checked where it is missing. */
  readonly keyPrefix?: string | undefined;
  readonly heldTtlMs: number;
  readonly maxHeldBytes: number;
  readonly deadLetterTtlMs: number;
  readonly maxDeadLetterBytes: number;
  /** Gets the reason each time an attempt to connect or to clean up has failed. */
  readonly onProblem?: ((reason: Error) => void) | undefined;
  /** Called for a file that was deleted, a minute later or more: the gateway that deleted it may have died before it was done. */
  readonly removeElsewhere?: RemoveElsewhere | undefined;
}

/**
 * The store in MongoDB, for any number of gateways at once. No transactions: what must be atomic is one
 * document, written with optimistic concurrency (compare-and-set on its version). ADR 9 says in which order documents are written, and what
 * heals a crash between two of them.
 */
export class MongoStore implements Store {
  readonly #held: HeldUpdates;
  readonly #recent = new RecentWrites();
  readonly #rollups = new RollupSchedule();
  readonly #marks: AnnouncedMarks;
  readonly #cleanUp: BackgroundCleanUp;
  readonly files: FileStore;
  readonly updates: UpdateStore;
  readonly breakdowns: BreakdownStore;
  readonly deadLetters: DeadLetterStore;
  readonly submissions: SubmissionStore;
  readonly revocations: RevocationStore;
  readonly webhooks: WebhookStore;
  readonly lists: ListStore;

  private constructor(
    private readonly connection: MongoConnection,
    options: MongoOptions,
  ) {
    const { deadLetterTtlMs, maxDeadLetterBytes } = options;
    const locks = new KeyedLock(connection);
    this.#marks = new AnnouncedMarks(connection);
    this.#held = new HeldUpdates({ ttlMs: options.heldTtlMs, maxBytes: options.maxHeldBytes });
    this.#cleanUp = new BackgroundCleanUp(connection, this.#held, options.onProblem, options.removeElsewhere);
    this.files = mongoFiles(connection, locks, this.#recent, this.#marks, this.#cleanUp);
    this.updates = mongoUpdates(connection, locks, this.#held, this.#recent, this.#marks, this.#cleanUp);
    this.breakdowns = connection.part(breakdownCalls);
    this.revocations = connection.part(revocationCalls);
    this.webhooks = connection.part(webhookCalls);
    const records = new DeadLetterRecords({ ttlMs: deadLetterTtlMs, maxBytes: maxDeadLetterBytes });
    this.lists = mongoLists(connection);
    this.deadLetters = new MongoDeadLetters(connection, records, maxDeadLetterBytes);
    this.submissions = mongoSubmissions(connection);
  }

  /**
   * The database need not be there: connecting goes on in the background.
   * @throws FatalError where the address makes no sense
   */
  static open(options: MongoOptions): MongoStore {
    return new MongoStore(new MongoConnection(options), options);
  }

  readonly changes: ChangeStore = {
    since: (fileId, announced, saved) =>
      this.connection.run((db) => changesSince(db, fileId, { announced, saved }, this.#recent)),
    markAnnounced: (fileId, generation, announced, stats) =>
      this.connection.run(async (db) => {
        await keepStats(db, fileId, generation, announced.changes, stats);
        await this.#marks.add(db, generation, announced.batches);
        await this.#rollups.after(db, generation, announced.batches.keys());
      }),
    unannounced: (before) =>
      this.connection.run(async (db) => {
        await this.#marks.remove(db);
        return findUnannounced(db, this.#held, before);
      }),
    pending: (fileId) => this.connection.run((db) => pendingChanges(db, fileId, this.#marks)),
  };

  readonly results: ResultStore = {
    page: (query) => this.connection.run((db) => readPage(db, query)),
    scan: (fileId, filter) =>
      scanSlices(
        () => this.connection.run((db) => scanStart(db, fileId)),
        (point) => this.connection.run((db) => scanSlice(db, point, filter)),
      ),
  };

  /** Settled once the database was opened. @throws FatalError where gateways with another prefix use it */
  get opened(): Promise<void> {
    return this.connection.opened;
  }

  /** Settings of the server that the operator should change. @throws Fault `unavailable` */
  advice(): Promise<{ setting: string; advice: string }[]> {
    return this.connection.advice();
  }

  /** Writes to the database. @throws Fault with the refusal */
  probe(): Promise<void> {
    return this.connection.probe();
  }

  /** @throws Fault `unavailable` where the database does not answer */
  ping(): Promise<void> {
    return this.connection.ping();
  }

  close(): Promise<void> {
    this.#cleanUp.close();
    this.#recent.close();
    this.#marks.close();
    return this.connection.close();
  }
}
