import type { PlacedResult } from '../domain/result.js';
import type { FileFacts } from '../domain/stats.js';
import type { Announced } from '../domain/summary.js';
import type { Update } from '../domain/update.js';
import { type Database, lock } from './sqlite/database.js';
import type { ThreadData } from './sqlite/messages.js';
import type { Reading, Writing } from './sqlite/operations.js';
import type { ScanPoint } from './sqlite/pages.js';
import { ThreadClient } from './sqlite/thread-client.js';
import type {
  BatchCounts,
  BatchState,
  Claimed,
  FileCursor,
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
} from './store.js';

export type SqliteOptions = Omit<ThreadData, 'role'>;

/**
 * The store in one SQLite file. A thread writes, so that the wait for the disk never stops the event loop; another one
 * reads, so that an export or a search never stops the updates. The directory belongs to one process at a time.
 */
export class SqliteStore implements Store {
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly lockFile: Database,
    private readonly writer: ThreadClient<Writing>,
    private readonly reader: ThreadClient<Reading>,
  ) {}

  /** @throws FatalError where the directory is another process's, or its database cannot be used */
  static async open(options: SqliteOptions): Promise<SqliteStore> {
    const lockFile = lock(options.directory);
    try {
      const writer = await ThreadClient.start<Writing>({ role: 'writer', ...options });
      const reader = await ThreadClient.start<Reading>({ role: 'reader', ...options });
      return new SqliteStore(lockFile, writer, reader);
    } catch (error) {
      lockFile.close();
      throw error;
    }
  }

  locate(batchId: string): Promise<string | null> {
    return this.writer.call('locate', batchId);
  }

  register(registration: Registration): Promise<Registered> {
    return this.writer.call('register', registration);
  }

  save(update: Update): Promise<Saved> {
    return this.writer.call('save', update);
  }

  fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    return this.writer.call('fail', fileId, batchId, reason);
  }

  stall(silence: Silence): Promise<{ fileId: string; batchIds: string[] }[]> {
    return this.writer.call('stall', silence);
  }

  held(): Promise<HeldStanding> {
    return this.writer.call('held');
  }

  async remove(fileId: string): Promise<boolean> {
    const existed = await this.writer.call('end', fileId);
    if (existed) await this.writer.call('cleaned', fileId);
    return existed;
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

  news(fileId: string, announced: ReadonlyMap<string, Announced>): Promise<News | null> {
    return this.writer.call('news', fileId, announced);
  }

  async keepStats(fileId: string, life: string, changes: number | null, stats: string): Promise<void> {
    await this.writer.call('keepStats', fileId, life, changes, stats);
  }

  unannounced(): Promise<string[]> {
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

  files(query: { limit: number; after: FileCursor | null }): Promise<ListedFile[]> {
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

  async #close(): Promise<void> {
    await Promise.all([this.writer.close(), this.reader.close()]);
    this.lockFile.close();
  }

  private slice(point: ScanPoint, status: ResultFilter['status']) {
    return this.reader.call('scanSlice', point, status);
  }
}
