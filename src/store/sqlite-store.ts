/** The store in SQLite, on the main thread: hands each call to the thread that writes or to the one that reads. */
import type { BatchId } from '../domain/id.js';
import { countsOf } from '../domain/overview.js';

import { tallyOf } from '../domain/summary.js';
import { portions } from '../portions.js';
import type { BreakdownStore } from './breakdowns.js';
import { DeadLetterRecords } from './dead-letter-records.js';
import type { DeadLetterStore } from './dead-letters.js';
import { readChunks } from './list-chunks.js';
import type { ListStore } from './lists.js';
import { pickResults, RecentLists } from './recent-lists.js';
import { foreignBatches } from './registration-rules.js';
import type { RevocationStore } from './revocations.js';
import { scanSlices } from './scan.js';
import { breakdownReads, breakdownWrites } from './sqlite/breakdowns.js';
import type { KnownBatch } from './sqlite/changes.js';
import { lock } from './sqlite/data-directory.js';
import type { Database } from './sqlite/database.js';
import { deliveryReads, deliveryWrites } from './sqlite/deliveries.js';
import { type BatchSlice, fileReads } from './sqlite/files.js';
import { listReads, listWrites } from './sqlite/lists.js';
import { rowsOf } from './sqlite/results/results.js';
import { revocationReads, revocationWrites } from './sqlite/revocations.js';
import { submissionReads, submissionWrites } from './sqlite/submissions/submissions.js';
import { ThreadClient } from './sqlite/thread/client.js';
import type { ThreadData } from './sqlite/thread/messages.js';
import type { ReaderOperations, WriterOperations } from './sqlite/thread/operations.js';
import { webhookReads, webhookWrites } from './sqlite/webhooks.js';
import type { BatchState, ChangeStore, FileStore, ResultStore, Store, UpdateStore } from './store.js';
import type { SubmissionStore } from './submissions.js';
import { stateOf } from './webhook-events.js';
import type { WebhookStore } from './webhooks.js';

type SqliteOptions = Omit<ThreadData, 'role'>;

type Writer = ThreadClient<WriterOperations>;
type Reader = ThreadClient<ReaderOperations>;

/**
 * The store in one SQLite file. One thread writes, so that waiting for the disk never stops the event loop; another one
 * reads, so that an export or a search never delays an update. The directory belongs to one process at a time.
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
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly lockFile: Database,
    private readonly writer: Writer,
    private readonly reader: Reader,
    deadLetterRecords: DeadLetterRecords,
  ) {
    this.files = fileStore(writer, reader, this.#recent);
    this.updates = updateStore(writer, reader, this.#recent);
    this.changes = changeStore(writer, this.#recent);
    this.results = resultStore(reader);
    this.breakdowns = {
      ...writer.part('breakdowns', breakdownWrites),
      ...reader.part('breakdowns', breakdownReads),
    };
    this.deadLetters = deadLetterStore(writer, reader, deadLetterRecords);
    this.submissions = submissionStore(writer, reader);
    this.revocations = {
      ...writer.part('revocations', revocationWrites),
      ...reader.part('revocations', revocationReads),
    };
    this.webhooks = {
      ...writer.part('webhooks', { ...webhookWrites, ...deliveryWrites }),
      ...reader.part('webhooks', { ...webhookReads, ...deliveryReads }),
    };
    this.lists = listStore(writer, reader);
  }

  /** @throws FatalError where another process has the directory, or its database cannot be used */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    const lockFile = lock(options.directory);
    try {
      const writer = await ThreadClient.start<WriterOperations>({ role: 'writer', ...options });
      const reader = await ThreadClient.start<ReaderOperations>({ role: 'reader', ...options });
      const { deadLetterTtlMs: ttlMs, maxDeadLetterBytes: maxBytes } = options;
      return new SqliteStore(lockFile, writer, reader, new DeadLetterRecords({ ttlMs, maxBytes }));
    } catch (error) {
      lockFile.close();
      throw error;
    }
  }

  /** Writes to the database, and looks at the disk and at the files. @throws Fault with the refusal */
  probe(): Promise<void> {
    return this.writer.call('database.probe');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#recent.close();
    // The writer last: only it may write the log back into the database file, once no other connection is open.
    await this.reader.close();
    await this.writer.close();
    this.lockFile.close();
  }
}

const fileStore = (writer: Writer, reader: Reader, recent: RecentLists): FileStore => ({
  ...reader.part('files', fileReads),
  async batches(fileId) {
    let states: BatchState[] = [];
    for (let last: BatchSlice | null = null; ; ) {
      const slice: BatchSlice | null = await reader.call(
        'files.batchSlice',
        fileId,
        last && { generation: last.generation, end: last.end },
      );
      if (slice === null) return [];
      // Those read before are of a request that was replaced meanwhile.
      if (last !== null && last.generation !== slice.generation) states = [];
      states.push(...slice.states);
      if (slice.end === null) return states;
      last = slice;
    }
  },
  find: (fileId) => writer.call('files.find', fileId),
  async remove(fileId) {
    const { existed, isClean } = await writer.call('files.end', fileId);
    recent.forgetAll();
    if (!isClean) await writer.call('database.awaitCleanUp', { fileId });
    return existed;
  },
  async purge(before) {
    const purged = await writer.call('files.purge', before);
    if (purged.length > 0) recent.forgetAll();
    return purged;
  },
});

/** Batches that are looked up in one go before a large registration. */
const CHECKED_AT_ONCE = 1_000;

const updateStore = (writer: Writer, reader: Reader, recent: RecentLists): UpdateStore => ({
  fileOfBatch: (batchId) => writer.call('updates.fileOfBatch', batchId),
  async register(registration, claimant) {
    const registered = await writer.call('updates.register', registration, claimant);
    if (registered.outcome === 'replaced') recent.forgetAll();
    return registered;
  },
  async checkRegistration(registration, claimant) {
    const { batches } = registration;
    const foreign = new Set<BatchId>();
    for (const portion of portions(batches, CHECKED_AT_ONCE)) {
      const some = { ...registration, batches: portion };
      for (const batchId of await writer.call('updates.foreignBatches', some, claimant)) foreign.add(batchId);
    }
    if (foreign.size > 0) throw foreignBatches(batches, foreign);
  },
  async save(update, sender) {
    const { results, ...envelope } = update;
    const list = recent.fingerprint(update.batchId, results);
    const { stored, fingerprint, tail } = list;
    const added = results.slice(stored.length);
    // Usually the update extends what is stored, and only its tail has to cross to the writing thread.
    const saved = await writer.callEither(
      [
        'updates.saveTail',
        { ...envelope, stored, fingerprint, rows: rowsOf(added, tail), tally: tallyOf(added) },
        sender,
      ],
      ['updates.save', update, sender],
    );
    if (saved.outcome === 'applied') recent.remember(update.batchId, list, update.isComplete);
    return saved;
  },
  fail: (fileId, batchId, reason) => writer.call('updates.fail', fileId, batchId, reason),
  markStalled: (silence) => writer.call('updates.markStalled', silence),
  incompleteBatches: (query) => reader.call('updates.incompleteBatches', query),
  heldCounts: () => writer.call('updates.heldCounts'),
  dropExpired: () => writer.call('updates.dropExpired'),
});

const changeStore = (writer: Writer, recent: RecentLists): ChangeStore => ({
  async since(fileId, announced) {
    // For lists that are remembered here, the writing thread answers with positions instead of results.
    const lists = new Map([...announced.keys()].map((batchId) => [batchId, recent.get(batchId)]));
    const known = [...announced].map(([batchId, batch]): [string, KnownBatch] => [
      batchId,
      { ...batch, fingerprint: lists.get(batchId)?.fingerprint },
    ]);
    const found = await writer.call('changes.since', fileId, new Map(known));
    if (found === null) return null;
    const batches = found.batches.map(({ positions, ...changes }) =>
      positions === null
        ? changes
        : { ...changes, results: pickResults(changes.batchId, lists.get(changes.batchId), positions) },
    );
    return { ...found, batches };
  },
  markAnnounced(_fileId, generation, { changes }, stats) {
    const { completedAt } = stats.parsed();
    const finishedAt = completedAt === null ? null : Date.parse(completedAt);
    const { lastUpdated } = stats.parsed();
    const counted = { counts: countsOf(stats.parsed()), at: Date.parse(lastUpdated ?? '') || 0 };
    const announced = { state: stateOf(stats.parsed()), json: stats.json, counted, finishedAt };
    return writer.call('changes.markAnnounced', generation, changes, announced);
  },
  unannounced: () => writer.call('changes.unannounced'),
  pending: (fileId) => writer.call('changes.pending', fileId),
});

const resultStore = (reader: Reader): ResultStore => ({
  page: (query) => reader.call('results.page', query),
  scan: (fileId, filter) =>
    scanSlices(
      () => reader.call('results.scanStart', fileId),
      (point) => reader.call('results.scanSlice', point, filter),
    ),
});

const listStore = (writer: Writer, reader: Reader): ListStore => ({
  ...writer.part('lists', listWrites),
  ...reader.part('lists', listReads),
  read: (listId, from = 0) =>
    readChunks(
      () => reader.call('lists.size', listId),
      (index) => reader.call('lists.chunk', listId, index),
      from,
    ),
  async remove(listId) {
    const existed = await writer.call('lists.end', listId);
    if (existed) await writer.call('database.awaitCleanUp', { listId });
    return existed;
  },
});

function deadLetterStore(writer: Writer, reader: Reader, records: DeadLetterRecords): DeadLetterStore {
  return {
    add: (letter) => writer.call('deadLetters.add', records.of(letter), records.expiry()),
    list: (query) => reader.call('deadLetters.list', { ...query, expiry: records.expiry() }),
    find: async (id) => (records.hasExpired(id) ? null : reader.call('deadLetters.find', id)),
    async discard(id) {
      if (records.hasExpired(id) || !(await writer.call('deadLetters.discard', id))) return false;
      await writer.call('database.awaitCleanUp', null);
      return true;
    },
    async dropExpired() {
      if ((await writer.call('deadLetters.dropExpired', records.expiry())) > 0)
        await writer.call('database.awaitCleanUp', null);
    },
  };
}

const submissionStore = (writer: Writer, reader: Reader): SubmissionStore => ({
  ...writer.part('submissions', submissionWrites),
  ...reader.part('submissions', submissionReads),
});
