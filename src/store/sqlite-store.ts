import type { BatchId } from '../domain/id.js';
import { countsOf } from '../domain/overview.js';

import { tallyOf } from '../domain/summary.js';
import type { BreakdownStore } from './breakdowns.js';
import { DeadLetterRecords } from './dead-letter-records.js';
import type { DeadLetterStore } from './dead-letters.js';
import { readChunks } from './list-chunks.js';
import type { ListStore } from './lists.js';
import { pickResults, RecentLists } from './recent-lists.js';
import { foreignBatches } from './registration-rules.js';
import type { RevocationStore } from './revocations.js';
import { scanSlices } from './scan.js';
import type { KnownBatch } from './sqlite/changes.js';
import { type Database, lock } from './sqlite/database.js';
import type { ThreadData } from './sqlite/messages.js';
import type { ReaderOperations, WriterOperations } from './sqlite/operations.js';
import { rowsOf } from './sqlite/results.js';
import { ThreadClient } from './sqlite/thread-client.js';
import type { ChangeStore, FileStore, ResultStore, Store, UpdateStore } from './store.js';
import { partsOf, rowsFromText, rowsToText } from './stored-pieces.js';
import type { SubmissionStore } from './submissions.js';
import { stateOf } from './webhook-events.js';
import type { WebhookStore } from './webhooks.js';

export type SqliteOptions = Omit<ThreadData, 'role'>;

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
      find: (fileId, by) => reader.call('findBreakdown', fileId, by),
      keep: (_fileId, generation, changes, rankings) =>
        writer.call('keepBreakdowns', generation, changes, rankings),
    };
    this.deadLetters = deadLetterStore(writer, reader, deadLetterRecords);
    this.submissions = submissionStore(writer, reader);
    this.revocations = {
      add: (revocation) => writer.call('addRevocation', revocation),
      since: (mark) => reader.call('revocationsSince', mark),
    };
    this.webhooks = webhookStore(writer, reader);
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
    return this.writer.call('probe');
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
  find: (fileId) => writer.call('findFile', fileId),
  list: (query) => reader.call('listFiles', query),
  batches: (fileId) => reader.call('batches', fileId),
  batchPage: (query) => reader.call('batchPage', query),
  batchCounts: (fileId) => reader.call('batchCounts', fileId),
  overview: (viewer) => reader.call('overview', viewer),
  async remove(fileId) {
    const { existed, isClean } = await writer.call('endFile', fileId);
    recent.forgetAll();
    if (!isClean) await writer.call('awaitCleanUp', { fileId });
    return existed;
  },
  async purge(before) {
    const purged = await writer.call('purge', before);
    if (purged.length > 0) recent.forgetAll();
    return purged;
  },
});

/** Batches that are looked up in one go before a large registration. */
const CHECKED_AT_ONCE = 1_000;

const updateStore = (writer: Writer, reader: Reader, recent: RecentLists): UpdateStore => ({
  fileOfBatch: (batchId) => writer.call('fileOfBatch', batchId),
  async register(registration, claimant) {
    const registered = await writer.call('register', registration, claimant);
    if (registered.outcome === 'replaced') recent.forgetAll();
    return registered;
  },
  async checkRegistration(registration, claimant) {
    const { batches } = registration;
    const foreign = new Set<BatchId>();
    for (let start = 0; start < batches.length; start += CHECKED_AT_ONCE) {
      const some = { ...registration, batches: batches.slice(start, start + CHECKED_AT_ONCE) };
      for (const batchId of await writer.call('foreignBatches', some, claimant)) foreign.add(batchId);
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
        'saveTail',
        { ...envelope, stored, fingerprint, rows: rowsOf(added, tail), tally: tallyOf(added) },
        sender,
      ],
      ['save', update, sender],
    );
    if (saved.outcome === 'applied') recent.remember(update.batchId, list);
    return saved;
  },
  fail: (fileId, batchId, reason) => writer.call('fail', fileId, batchId, reason),
  markStalled: (silence) => writer.call('markStalled', silence),
  incompleteBatches: (query) => reader.call('incompleteBatches', query),
  heldCounts: () => writer.call('heldCounts'),
  dropExpired: () => writer.call('dropExpiredUpdates'),
});

const changeStore = (writer: Writer, recent: RecentLists): ChangeStore => ({
  async since(fileId, announced) {
    // For lists that are remembered here, the writing thread answers with positions instead of results.
    const lists = new Map([...announced.keys()].map((batchId) => [batchId, recent.get(batchId)]));
    const known = [...announced].map(([batchId, batch]): [string, KnownBatch] => [
      batchId,
      { ...batch, fingerprint: lists.get(batchId)?.fingerprint },
    ]);
    const found = await writer.call('changesSince', fileId, new Map(known));
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
    return writer.call('markAnnounced', generation, changes, announced);
  },
  unannounced: () => writer.call('findUnannounced'),
  pending: (fileId) => writer.call('pendingChanges', fileId),
});

const resultStore = (reader: Reader): ResultStore => ({
  page: (query) => reader.call('readPage', query),
  scan: (fileId, filter) =>
    scanSlices(
      () => reader.call('scanStart', fileId),
      (point) => reader.call('scanSlice', point, filter),
    ),
});

const listStore = (writer: Writer, reader: Reader): ListStore => ({
  create: async (list) => void (await writer.call('createList', list)),
  append: (listId, index, bytes) => writer.call('appendToList', listId, index, bytes),
  complete: (listId, completed) => writer.call('completeList', listId, completed),
  find: (listId) => reader.call('findList', listId),
  ofFile: (fileId) => reader.call('listOfFile', fileId),
  waiting: (userId) => reader.call('countWaitingLists', userId),
  read: (listId, from = 0) =>
    readChunks(
      () => reader.call('sizeOfList', listId),
      (index) => reader.call('readListChunk', listId, index),
      from,
    ),
  reserve: (listId, submissionId, expiresAt) => writer.call('reserveList', listId, submissionId, expiresAt),
  attach: (listId, fileId) => writer.call('attachList', listId, fileId),
  async remove(listId) {
    const existed = await writer.call('endList', listId);
    if (existed) await writer.call('awaitCleanUp', { listId });
    return existed;
  },
  dropExpired: async () => void (await writer.call('endExpiredLists')),
});

function deadLetterStore(writer: Writer, reader: Reader, records: DeadLetterRecords): DeadLetterStore {
  return {
    add: (letter) => writer.call('addDeadLetter', records.of(letter), records.expiry()),
    list: (query) => reader.call('listDeadLetters', { ...query, expiry: records.expiry() }),
    find: async (id) => (records.hasExpired(id) ? null : reader.call('findDeadLetter', id)),
    async discard(id) {
      if (records.hasExpired(id) || !(await writer.call('discardDeadLetter', id))) return false;
      await writer.call('awaitCleanUp', null);
      return true;
    },
    async dropExpired() {
      if ((await writer.call('dropExpiredDeadLetters', records.expiry())) > 0)
        await writer.call('awaitCleanUp', null);
    },
  };
}

const submissionStore = (writer: Writer, reader: Reader): SubmissionStore => ({
  claim: (submission) => writer.call('claimSubmission', submission),
  addSlice: (id, owner, slice) => writer.call('addSlice', id, owner, slice),
  addRows: (id, owner, part, numbers) => writer.call('addRows', id, owner, part, rowsToText(numbers)),
  take: (lease) => writer.call('takeSubmission', lease),
  renew: (id, lease) => writer.call('renewSubmission', id, lease),
  next: (id) => writer.call('nextSlice', id),
  addresses: (id, number) => reader.call('addressesOf', id, number),
  advance: (id, owner, step) => writer.call('advanceSubmission', id, owner, step),
  accept: (id, owner, number, acceptance) => writer.call('acceptSlice', id, owner, number, acceptance),
  end: async (id) => void (await writer.call('endSubmission', id)),
  ofFile: (fileId) => writer.call('submissionOfFile', fileId),
  retry: (id) => writer.call('retrySubmission', id),
  slices: (id) => reader.call('slicesOf', id),
  rows: (id) => partsOf(async (part) => textToRows(await reader.call('rowsPart', id, part))),
  dropExpired: () => writer.call('dropExpiredSubmissions'),
});

const textToRows = (text: string | null): Uint32Array | null => (text === null ? null : rowsFromText(text));

const webhookStore = (writer: Writer, reader: Reader): WebhookStore => ({
  add: (webhook, max) => writer.call('addWebhook', webhook, max),
  list: (ownerId) => reader.call('listWebhooks', ownerId),
  find: (webhookId) => reader.call('findWebhook', webhookId),
  remove: (webhookId) => writer.call('removeWebhook', webhookId),
  deliveries: (webhookId, query) => reader.call('listDeliveries', webhookId, query),
  replay: (webhookId, deliveryId, now) => writer.call('replayDelivery', webhookId, deliveryId, now),
  claimDue: (query) => writer.call('claimDue', query),
  report: (deliveryId, result) => writer.call('reportAttempt', deliveryId, result),
  dropSettled: async (before) => void (await writer.call('dropSettled', before)),
});
