import { type Connection, Mongoose, mongo } from 'mongoose';
import { backoff, pauseUnlessAborted } from '../../backoff.js';
import { FatalError } from '../../errors.js';
import { settledWithin } from '../../within.js';
import { faultOf, unavailable } from './errors.js';
import { createIndexes, type Models, modelsOf } from './models.js';

export interface ConnectionOptions {
  readonly uri: string;
  /** Told why the database cannot be used, each time an attempt to connect has failed. */
  readonly onProblem?: ((reason: Error) => void) | undefined;
}

/** What a call waits for at most: a server that is there, each answer on the wire, and indexes that are being made. */
const SELECTION_MS = 2_000;
const ANSWER_MS = 5_000;
const INDEXES_MS = 10_000;
const RETRY = { firstMs: 100, maxMs: 5_000 };
/** EX_CONFIG of sysexits.h. */
const EXIT_CONFIG = 78;

const CLIENT = {
  serverSelectionTimeoutMS: SELECTION_MS,
  // Only the two together end a call on a server that takes connections and never answers.
  connectTimeoutMS: SELECTION_MS,
  socketTimeoutMS: ANSWER_MS,
  retryReads: false,
  heartbeatFrequencyMS: 2_000,
  maxPoolSize: 32,
  readPreference: 'primary',
  // Of a replica set most members have it before anybody is told so, and on the disk.
  writeConcern: { w: 'majority', journal: true },
  bufferCommands: false,
  autoIndex: false,
  autoCreate: false,
} as const;

/**
 * The way to the database. It need not be there yet: connecting is tried until it succeeds, and a call that comes
 * meanwhile waits for that as long as it would wait for a server that went away.
 */
export class MongoConnection {
  readonly #connection: Connection;
  readonly #models: Models;
  readonly #underway = new Set<Promise<unknown>>();
  readonly #ending = new AbortController();
  readonly #ended = new AbortController();
  readonly #opened: Promise<void>;
  #isReached = false;
  #isOpen = false;
  #closing: Promise<void> | undefined;

  /** @throws FatalError where the address makes no sense */
  constructor(private readonly options: ConnectionOptions) {
    refuseNonsense(options.uri);
    const mongoose = new Mongoose({ sanitizeFilter: true, strictQuery: 'throw' });
    this.#connection = mongoose.createConnection();
    this.#models = modelsOf(this.#connection);
    this.#opened = this.#open();
  }

  /** Carries out a piece of work. @throws Fault `unavailable` where the database cannot be used, in bounded time */
  run<T>(work: (models: Models) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(unavailable('the store is closed'));
    const running = this.#run(work);
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#underway.add(settled);
    void settled.then(() => this.#underway.delete(settled));
    return running;
  }

  async #run<T>(work: (models: Models) => Promise<T>): Promise<T> {
    try {
      if (!this.#isOpen) await this.#openedInTime();
      return await work(this.#models);
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** @throws Fault `unavailable` where the database does not answer */
  ping(): Promise<void> {
    return this.run(async () => {
      await this.#connection.db?.command({ ping: 1 });
    });
  }

  /** Aborted when it is about to be closed: whatever nobody waits for may stop then. */
  get stopping(): AbortSignal {
    return this.#ending.signal;
  }

  /** Lets what is under way finish, then lets go of the database. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#underway);
    this.#ended.abort();
    await this.#opened;
    await this.#connection.destroy();
  }

  async #openedInTime(): Promise<void> {
    await settledWithin(SELECTION_MS, this.#opened);
    if (!this.#isOpen && this.#isReached) await settledWithin(INDEXES_MS, this.#opened);
    if (!this.#isOpen) throw unavailable('the database cannot be reached');
  }

  async #open(): Promise<void> {
    for (let failures = 0; !this.#ended.signal.aborted; failures++) {
      try {
        await this.#connection.openUri(this.options.uri, { ...CLIENT, ...databaseOf(this.options.uri) });
        this.#isReached = true;
        // Whatever must not be there twice relies on them.
        await Promise.all(Object.values(this.#models).map(createIndexes));
        this.#isOpen = true;
        return;
      } catch (error) {
        this.options.onProblem?.(faultOf(error) as Error);
      }
      await pauseUnlessAborted(backoff(failures, RETRY), this.#ended.signal);
    }
  }
}

function refuseNonsense(uri: string): void {
  try {
    new mongo.MongoClient(uri);
  } catch (error) {
    // The address may hold a password, and some of the reasons repeat the address.
    const { message } = error as Error;
    const reason = message.includes('://') || message.includes('@') ? 'cannot be understood' : message;
    throw new FatalError(`MONGODB_URI: ${reason}`, EXIT_CONFIG);
  }
}

/** A database of our own where the address names none, instead of one called `test`. */
const databaseOf = (uri: string): { dbName?: string } =>
  /^mongodb(?:\+srv)?:\/\/[^/?]+\/[^?]/.test(uri) ? {} : { dbName: 'verigate' };
