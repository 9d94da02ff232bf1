/** The store in SQLite, put together from its parts: hands each call to the thread that writes or to one that reads. */
import { Fault } from '../errors.js';
import type { BreakdownStore } from './breakdowns.js';
import { DeadLetterRecords } from './dead-letter-records.js';
import type { DeadLetterStore } from './dead-letters.js';
import type { ListStore } from './lists.js';
import { RecentLists } from './recent-lists.js';
import type { RevocationStore } from './revocations.js';
import { breakdownReads, breakdownWrites } from './sqlite/breakdowns.js';
import { lock } from './sqlite/data-directory.js';
import type { Database } from './sqlite/database.js';
import {
  changeStore,
  deadLetterStore,
  fileStore,
  listStore,
  type ReadingThread,
  resultStore,
  updateStore,
  type WritingThread,
  webhookStore,
} from './sqlite/parts.js';
import { revocationReads, revocationWrites } from './sqlite/revocations.js';
import { submissionReads, submissionWrites } from './sqlite/submissions/submissions.js';
import { ThreadClient } from './sqlite/thread/client.js';
import { newReadPause } from './sqlite/thread/log-truncation.js';
import type { ThreadData } from './sqlite/thread/messages.js';
import type { ReaderOperations, WriterOperations } from './sqlite/thread/operations.js';
import type { ChangeStore, FileStore, ResultStore, Store, UpdateStore } from './store.js';
import type { SubmissionStore } from './submissions.js';
import type { WebhookStore } from './webhooks.js';

type SqliteOptions = Omit<ThreadData, 'role' | 'readPause'>;

/**
 * The store in one SQLite file. One thread writes, so that waiting for the disk never stops the event loop; another one
 * reads, so that an export never delays an update; a third one searches, so that no search delays other reads. The directory
 * belongs to one process at a time.
 */
export class SqliteStore implements Store {
  readonly #recent = new RecentLists();
  readonly files: FileStore;
  readonly updates: UpdateStore;
  readonly changes: ChangeStore;
  readonly results: ResultStore;
  readonly breakdowns: BreakdownStore;
  readonly deadLetters: DeadLetterStore;
  readonly submissions: SubmissionStore;
  readonly revocations: RevocationStore;
  readonly webhooks: WebhookStore;
  readonly lists: ListStore;
  #searching: Promise<ReadingThread> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly lockFile: Database,
    private readonly writer: WritingThread,
    private readonly reader: ReadingThread,
    private readonly startReader: () => Promise<ReadingThread>,
    deadLetterRecords: DeadLetterRecords,
  ) {
    this.files = fileStore(writer, reader, this.#recent);
    this.updates = updateStore(writer, reader, this.#recent);
    this.changes = changeStore(writer, this.#recent);
    this.results = resultStore(reader, () => this.#searcher());
    this.breakdowns = {
      ...writer.part('breakdowns', breakdownWrites),
      ...reader.part('breakdowns', breakdownReads),
    };
    this.deadLetters = deadLetterStore(writer, reader, deadLetterRecords);
    this.submissions = {
      ...writer.part('submissions', submissionWrites),
      ...reader.part('submissions', submissionReads),
    };
    this.revocations = {
      ...writer.part('revocations', revocationWrites),
      ...reader.part('revocations', revocationReads),
    };
    this.webhooks = webhookStore(writer, reader);
    this.lists = listStore(writer, reader);
  }

  /** @throws FatalError where another process has the directory, or its database cannot be used */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    const lockFile = lock(options.directory);
    try {
      const common = { ...options, readPause: newReadPause() };
      const writer = await ThreadClient.start<WriterOperations>({ role: 'writer', ...common });
      const startReader = () => ThreadClient.start<ReaderOperations>({ role: 'reader', ...common });
      const reader = await startReader();
      const { deadLetterTtlMs: ttlMs, maxDeadLetterBytes: maxBytes } = options;
      const deadLetterRecords = new DeadLetterRecords({ ttlMs, maxBytes });
      return new SqliteStore(lockFile, writer, reader, startReader, deadLetterRecords);
    } catch (error) {
      lockFile.close();
      throw error;
    }
  }

  /** Writes to the database, and looks at the disk and at the files. @throws Fault with the refusal */
  probe(): Promise<void> {
    return this.writer.call('database.probe');
  }

  /** The thread for searches, started with the first of them. */
  async #searcher(): Promise<ReadingThread> {
    // It refuses the call.
    if (this.#closing !== undefined) return this.reader;
    this.#searching ??= this.startReader().catch((cause: unknown) => {
      this.#searching = undefined;
      throw new Fault('unavailable', 'the database cannot be searched now', { cause });
    });
    return this.#searching;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#recent.close();
    // The writer last: only it may write the log back into the database file, once no other connection is open.
    const searcher = this.#searching?.then(
      (thread) => thread.close(),
      () => undefined,
    );
    await Promise.all([this.reader.close(), searcher]);
    await this.writer.close();
    this.lockFile.close();
  }
}
