import type { PlacedResult } from '../domain/result.js';
import type { FileFacts } from '../domain/stats.js';
import type { Announced } from '../domain/summary.js';
import type { Update } from '../domain/update.js';
import type { DeadLetter, DeadLetterQuery, PutAside } from './dead-letters.js';
import { LetterRecords } from './letter-records.js';
import { remove, sweep } from './mongo/cleaning.js';
import { MongoConnection } from './mongo/connection.js';
import { DeadLetters } from './mongo/dead-letters.js';
import { clean } from './mongo/ended-lives.js';
import { faultOf } from './mongo/errors.js';
import { Held } from './mongo/held.js';
import { type Claim, Lanes } from './mongo/lanes.js';
import { files } from './mongo/listing.js';
import { factsOf } from './mongo/lives.js';
import type { Models } from './mongo/models.js';
import { batchStates, countBatches, news, settledFile } from './mongo/news.js';
import { page } from './mongo/pages.js';
import { purge } from './mongo/purging.js';
import { claim, settleReceipt } from './mongo/receipts.js';
import { Recently } from './mongo/recently.js';
import { register } from './mongo/registry.js';
import { fail, locate, save } from './mongo/saves.js';
import { type ScanPoint, scanSlice, scanStart } from './mongo/scan.js';
import { stall } from './mongo/stalling.js';
import { keepStats, unannounced } from './mongo/told.js';
import { Uncertain } from './mongo/uncertain.js';
import { unended } from './mongo/unended.js';
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

export interface MongoOptions {
  readonly uri: string;
  readonly heldTtlMs: number;
  readonly maxHeldBytes: number;
  readonly deadLetterTtlMs: number;
  readonly maxDeadLetterBytes: number;
  /** Told why the database cannot be used, each time an attempt to connect or to tidy up has failed. */
  readonly onProblem?: ((reason: Error) => void) | undefined;
}

/** How often a gateway looks for what another one that died has left half done. */
const SWEEP_MS = 30_000;
const file = (fileId: string, exclusive: boolean): Claim => ({ key: `file ${fileId}`, exclusive });
const batch = (batchId: string): Claim => ({ key: `batch ${batchId}`, exclusive: true });

/**
 * The store in MongoDB, for any number of gateways at once. There are no transactions: what must be atomic is one
 * document, written on condition that it is as it was read. ADR 9 says in which order documents are written, and what
 * heals a crash between two of them.
 */
export class MongoStore implements Store {
  readonly #held: Held;
  readonly #letters: DeadLetters;
  readonly #lanes = new Lanes();
  readonly #uncertain = new Uncertain();
  readonly #recent = new Recently();
  readonly #sweeping: NodeJS.Timeout;

  private constructor(
    private readonly connection: MongoConnection,
    private readonly options: MongoOptions,
  ) {
    this.#held = new Held({ ttlMs: options.heldTtlMs, maxBytes: options.maxHeldBytes });
    const { deadLetterTtlMs: ttlMs, maxDeadLetterBytes: maxBytes } = options;
    this.#letters = new DeadLetters(new LetterRecords({ ttlMs, maxBytes }), maxBytes);
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

  locate(batchId: string): Promise<string | null> {
    return this.connection.run((db) => locate(db, batchId, this.#recent));
  }

  register(registration: Registration): Promise<Registered> {
    const { fileId, batches } = registration;
    return this.#inOrder([file(fileId, true)], (db) =>
      this.#uncertain.run(
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
    const claims = [batch(batchId), ...(fileId === null ? [] : [file(fileId, false)])];
    return this.#inOrder(claims, (db) =>
      this.#uncertain.run(
        `batch ${batchId}`,
        () => save(db, this.#held, update, (registration) => this.#register(db, registration), this.#recent),
        (saved) => (saved.outcome === 'unchanged' ? { ...saved, outcome: 'applied' } : saved),
      ),
    );
  }

  fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    return this.#inOrder([batch(batchId), file(fileId, false)], (db) => fail(db, fileId, batchId, reason));
  }

  stall(silence: Silence): Promise<{ fileId: string; batchIds: string[] }[]> {
    return this.connection.run(async (db) => {
      // Asked for again and again, so nothing is held for much longer than it may be.
      await this.#held.sweep(db, Date.now());
      await this.#letters.sweep(db);
      return stall(db, silence);
    });
  }

  unended(query: { limit: number; after: string | null }): Promise<Unended> {
    return this.connection.run((db) => unended(db, query));
  }

  async purge(before: number): Promise<string[]> {
    const purged = await this.connection.run((db) => purge(db, before, (ended) => this.#cleanUp(ended)));
    if (purged.length > 0) this.#recent.forgetAll();
    return purged;
  }

  held(): Promise<HeldStanding> {
    return this.connection.run((db) => this.#held.standing(db));
  }

  remove(fileId: string): Promise<boolean> {
    return this.#inOrder([file(fileId, true)], (db) => remove(db, fileId)).finally(() =>
      this.#recent.forgetAll(),
    );
  }

  putAside(letter: PutAside): Promise<void> {
    return this.connection.run((db) => this.#letters.putAside(db, letter));
  }

  deadLetters(query: DeadLetterQuery): Promise<DeadLetter[]> {
    return this.connection.run((db) => this.#letters.list(db, query));
  }

  deadLetter(id: string): Promise<DeadLetter | null> {
    return this.connection.run((db) => this.#letters.one(db, id));
  }

  discard(id: string): Promise<boolean> {
    return this.connection.run((db) => this.#letters.discard(db, id));
  }

  file(fileId: string): Promise<FileFacts | null> {
    return this.connection.run(async (db) => {
      const found = await settledFile(db, fileId);
      return found === null ? null : factsOf(found);
    });
  }

  batches(fileId: string): Promise<BatchState[]> {
    return this.connection.run((db) => batchStates(db, fileId));
  }

  batchCounts(fileId: string): Promise<BatchCounts> {
    return this.connection.run((db) => countBatches(db, fileId));
  }

  news(fileId: string, announced: ReadonlyMap<string, Announced>): Promise<News | null> {
    return this.connection.run((db) => news(db, fileId, announced, this.#recent));
  }

  keepStats(fileId: string, life: string, told: Told, stats: string): Promise<void> {
    return this.connection.run((db) => keepStats(db, fileId, life, told, stats));
  }

  unannounced(before?: number): Promise<Unannounced[]> {
    return this.connection.run((db) => unannounced(db, this.#held, before));
  }

  page(query: PageQuery): Promise<ResultPage> {
    return this.connection.run((db) => page(db, query));
  }

  async *scan(
    fileId: string,
    { status }: Pick<ResultFilter, 'status'>,
  ): AsyncGenerator<readonly PlacedResult[], void, undefined> {
    let point: ScanPoint | null = await this.connection.run((db) => scanStart(db, fileId));
    while (point !== null) {
      const slice: Awaited<ReturnType<typeof scanSlice>> = await this.#slice(point, status);
      yield slice.results;
      point = slice.next;
    }
  }

  files(query: FilesQuery): Promise<ListedFile[]> {
    return this.connection.run((db) => files(db, query));
  }

  claim(receipt: ReceiptClaim): Promise<Claimed> {
    return this.connection.run((db) => claim(db, receipt));
  }

  settleReceipt(receipt: ReceiptClaim, answer: string | null): Promise<void> {
    return this.connection.run((db) => settleReceipt(db, receipt, answer));
  }

  /** @throws Fault `unavailable` where the database does not answer */
  ping(): Promise<void> {
    return this.connection.ping();
  }

  close(): Promise<void> {
    clearInterval(this.#sweeping);
    this.#recent.close();
    return this.connection.close();
  }

  #inOrder<T>(claims: readonly Claim[], work: (db: Models) => Promise<T>): Promise<T> {
    return this.connection.run((db) =>
      this.#lanes.run(claims, () => work(db).catch((error: unknown) => Promise.reject(faultOf(error)))),
    );
  }

  #slice(point: ScanPoint, status: ResultFilter['status']) {
    return this.connection.run((db) => scanSlice(db, point, status));
  }

  #register(db: Models, registration: Registration): Promise<Registered> {
    return register(db, this.#held, registration, {
      buried: (ended) => this.#cleanUp(ended),
      placed: (batches) => {
        for (const batch of batches) this.#recent.rememberHead(batch);
      },
    });
  }

  /** Nobody waits for what is left of an earlier life to go; if it does not, the sweep takes it. */
  #cleanUp(ended: Parameters<typeof clean>[1]): void {
    this.#recent.forgetAll();
    this.#tidy((db, stopping) => clean(db, ended, stopping));
  }

  #sweep(): void {
    this.#tidy((db, stopping) => sweep(db, this.#held, Date.now(), stopping));
  }

  #tidy(work: (db: Models, stopping: AbortSignal) => Promise<unknown>): void {
    const { stopping } = this.connection;
    const problem = (reason: Error) => stopping.aborted || this.options.onProblem?.(reason);
    this.connection.run((db) => work(db, stopping)).catch(problem);
  }
}
