import type { PlacedResult } from '../domain/result.js';
import type { FileFacts } from '../domain/stats.js';
import { type Announced, tallyOf } from '../domain/summary.js';
import type { Update } from '../domain/update.js';
import type { DeadLetter, DeadLetterQuery, PutAside } from './dead-letters.js';
import { LetterRecords } from './letter-records.js';
import { placedIn, RecentLists } from './recent-lists.js';
import { type Database, lock } from './sqlite/database.js';
import type { ThreadData } from './sqlite/messages.js';
import type { FoundNews, Known } from './sqlite/news.js';
import type { Reading, Writing } from './sqlite/operations.js';
import type { ScanPoint } from './sqlite/pages.js';
import { chunksOf } from './sqlite/results.js';
import { ThreadClient } from './sqlite/thread-client.js';
import type {
  BatchCounts,
  BatchState,
  Claimed,
  FilesQuery,
  HeldStanding,
  ListedFile,
  News,
  PageQuery,
  ReceiptClaim,
  Registered,
  Registration,
  ResultFilter,
  ResultPage,
  Saved,
  Silence,
  Store,
  Told,
  Unannounced,
  Unended,
} from './store.js';

export type SqliteOptions = Omit<ThreadData, 'role'>;

/**
 * The store in one SQLite file. A thread writes, so that the wait for the disk never stops the event loop; another one
 * reads, so that an export or a search never stops the updates. The directory belongs to one process at a time.
 */
export class SqliteStore implements Store {
  readonly #recent = new RecentLists();
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly lockFile: Database,
    private readonly writer: ThreadClient<Writing>,
    private readonly reader: ThreadClient<Reading>,
    private readonly records: LetterRecords,
  ) {}

  /** @throws FatalError where the directory is another process's, or its database cannot be used */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    const lockFile = lock(options.directory);
    try {
      const writer = await ThreadClient.start<Writing>({ role: 'writer', ...options });
      const reader = await ThreadClient.start<Reading>({ role: 'reader', ...options });
      const { deadLetterTtlMs: ttlMs, maxDeadLetterBytes: maxBytes } = options;
      return new SqliteStore(lockFile, writer, reader, new LetterRecords({ ttlMs, maxBytes }));
    } catch (error) {
      lockFile.close();
      throw error;
    }
  }

  locate(batchId: string): Promise<string | null> {
    return this.writer.call('locate', batchId);
  }

  async register(registration: Registration): Promise<Registered> {
    const registered = await this.writer.call('register', registration);
    if (registered.outcome === 'replaced') this.#recent.forgetAll();
    return registered;
  }

  async save(update: Update): Promise<Saved> {
    const { results, ...said } = update;
    const list = this.#recent.measure(update.batchId, results);
    const { stored, fingerprint, tail } = list;
    const chunks = chunksOf(results.slice(stored.length), tail);
    const saved = await this.writer.callEither(
      ['saveTail', { ...said, stored, fingerprint, chunks, tally: tallyOf(results) }],
      ['save', update],
    );
    if (saved.outcome === 'applied') this.#recent.remember(update.batchId, list);
    return saved;
  }

  fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    return this.writer.call('fail', fileId, batchId, reason);
  }

  async stall(silence: Silence): Promise<{ fileId: string; batchIds: string[] }[]> {
    const dropped = await this.writer.call('dropExpiredLetters', this.records.expiry(Date.now()));
    if (dropped > 0) await this.writer.call('cleaned', null);
    return this.writer.call('stall', silence);
  }

  unended(query: { limit: number; after: string | null }): Promise<Unended> {
    return this.reader.call('unended', query);
  }

  async purge(before: number): Promise<string[]> {
    const purged = await this.writer.call('purge', before);
    if (purged.length > 0) this.#recent.forgetAll();
    return purged;
  }

  held(): Promise<HeldStanding> {
    return this.writer.call('held');
  }

  async remove(fileId: string): Promise<boolean> {
    const { existed, isClean } = await this.writer.call('end', fileId);
    this.#recent.forgetAll();
    if (!isClean) await this.writer.call('cleaned', fileId);
    return existed;
  }

  async putAside(letter: PutAside): Promise<void> {
    const now = Date.now();
    await this.writer.call('putAside', this.records.of(letter, now), this.records.expiry(now));
  }

  deadLetters(query: DeadLetterQuery): Promise<DeadLetter[]> {
    return this.reader.call('letters', { ...query, expiry: this.records.expiry(Date.now()) });
  }

  async deadLetter(id: string): Promise<DeadLetter | null> {
    return this.#isExpired(id) ? null : this.reader.call('letter', id);
  }

  async discard(id: string): Promise<boolean> {
    if (this.#isExpired(id) || !(await this.writer.call('discard', id))) return false;
    await this.writer.call('cleaned', null);
    return true;
  }

  file(fileId: string): Promise<FileFacts | null> {
    return this.writer.call('file', fileId);
  }

  batches(fileId: string): Promise<BatchState[]> {
    return this.reader.call('batches', fileId);
  }

  batchCounts(fileId: string): Promise<BatchCounts> {
    return this.reader.call('batchCounts', fileId);
  }

  async news(fileId: string, announced: ReadonlyMap<string, Announced>): Promise<News | null> {
    const lists = new Map([...announced.keys()].map((batchId) => [batchId, this.#recent.get(batchId)]));
    const known = [...announced].map(([batchId, told]): [string, Known] => [
      batchId,
      { ...told, fingerprint: lists.get(batchId)?.fingerprint },
    ]);
    const found: FoundNews | null = await this.writer.call('news', fileId, new Map(known));
    if (found === null) return null;
    const batches = found.batches.map(({ positions, ...news }) =>
      positions === null
        ? news
        : { ...news, results: placedIn(news.batchId, lists.get(news.batchId), positions) },
    );
    return { ...found, batches };
  }

  async keepStats(fileId: string, life: string, { changes }: Told, stats: string): Promise<void> {
    await this.writer.call('keepStats', fileId, life, changes, stats);
  }

  unannounced(): Promise<Unannounced[]> {
    return this.writer.call('unannounced');
  }

  page(query: PageQuery): Promise<ResultPage> {
    return this.reader.call('page', query);
  }

  async *scan(
    fileId: string,
    { status }: Pick<ResultFilter, 'status'>,
  ): AsyncGenerator<readonly PlacedResult[], void, undefined> {
    let point: ScanPoint | null = await this.reader.call('scanStart', fileId);
    while (point !== null) {
      const slice: Awaited<ReturnType<typeof this.slice>> = await this.slice(point, status);
      yield slice.results;
      point = slice.next;
    }
  }

  files(query: FilesQuery): Promise<ListedFile[]> {
    return this.reader.call('files', query);
  }

  claim(receipt: ReceiptClaim): Promise<Claimed> {
    return this.writer.call('claim', receipt);
  }

  async settleReceipt(receipt: ReceiptClaim, answer: string | null): Promise<void> {
    await this.writer.call('settleReceipt', receipt, answer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #isExpired(id: string): boolean {
    return id < this.records.expiry(Date.now());
  }

  async #close(): Promise<void> {
    this.#recent.close();
    await Promise.all([this.writer.close(), this.reader.close()]);
    this.lockFile.close();
  }

  private slice(point: ScanPoint, status: ResultFilter['status']) {
    return this.reader.call('scanSlice', point, status);
  }
}
