/** The connection to MongoDB: opens it, keeps trying while it cannot be opened, and lets calls wait for it a bounded time. */

import { type Connection, Mongoose } from 'mongoose';
import { clock } from '../../clock.js';
import { FatalError, Fault } from '../../errors.js';
import type { Refusal } from '../../refusal.js';
import { backoff, pauseUnlessAborted, settledWithin } from '../../waiting.js';
import { faultOf, unavailable } from './errors.js';
import { keepPrefix } from './installation.js';
import { createIndexes, type Models, modelsOf } from './models.js';
import { assertFollowsPrimary, assertUsableUri, databaseOf } from './usable-uri.js';

/** Calls of a part of the store. Each gets the collections first. */
type Calls = Readonly<Record<string, (db: Models, ...args: never[]) => Promise<unknown>>>;
type WithoutModels<C> = {
  readonly [K in keyof C]: C[K] extends (db: Models, ...args: infer A) => infer R ? (...args: A) => R : never;
};

interface MongoConnectionOptions {
  readonly uri: string;
  /** What the gateways of one installation share beside the database; not checked where it is missing. */
  readonly keyPrefix?: string | undefined;
  /** Called with the reason each time an attempt to connect has failed. */
  readonly onProblem?: ((reason: Error) => void) | undefined;
}

/** How long a call waits at most: for a server to be found, for each answer, and for indexes to be created. */
const SELECTION_MS = 2_000;
const ANSWER_MS = 5_000;
const INDEXES_MS = 10_000;
/** Below the time for an answer: a replica set that cannot confirm a write says so, instead of being taken for one that hangs. */
const CONFIRMATION_MS = 4_000;
/** The oldest major version that the driver and the tests know. */
const TESTED_VERSION = 5;
const RETRY = { firstMs: 100, maxMs: 5_000 };

const CLIENT = {
  serverSelectionTimeoutMS: SELECTION_MS,
  // Both are needed to end a call to a server that accepts connections and never answers.
  connectTimeoutMS: SELECTION_MS,
  socketTimeoutMS: ANSWER_MS,
  retryReads: false,
  heartbeatFrequencyMS: 2_000,
  maxPoolSize: 32,
  readPreference: 'primary',
  // A write is answered once most members of a replica set have it on the disk.
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: CONFIRMATION_MS },
  bufferCommands: false,
  autoIndex: false,
  autoCreate: false,
} as const;

/**
 * The database need not be reachable yet. A call that comes before waits for the connection as long as it would wait for a
 * server that went away.
 */
export class MongoConnection {
  readonly #connection: Connection;
  readonly #models: Models;
  readonly #running = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
  readonly #stopped = new AbortController();
  readonly #opened: Promise<void>;
  #isReached = false;
  #isOpen = false;
  /** Why the last attempt to connect has failed. */
  #refusal: Refusal | undefined;
  #closing: Promise<void> | undefined;

  /** @throws FatalError where the URI is invalid */
  constructor(private readonly options: MongoConnectionOptions) {
    assertUsableUri(options.uri);
    const mongoose = new Mongoose({ sanitizeFilter: true, strictQuery: 'throw' });
    this.#connection = mongoose.createConnection();
    this.#models = modelsOf(this.#connection);
    this.#opened = this.#open();
    // The gateway's start looks at it; the calls fail by themselves.
    this.#opened.catch(() => undefined);
  }

  /** @throws Fault `unavailable` where the database cannot be used, in bounded time */
  run<T>(work: (models: Models) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(unavailable('the store is closed'));
    const running = this.#run(work);
    const settled = running.catch(() => {});
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
    return running;
  }

  /** The calls of a part of the store, each made with `run`. */
  part<C extends Calls>(calls: C): WithoutModels<C> {
    const bound = Object.entries(calls).map(([name, call]) => [
      name,
      (...args: never[]) => this.run((db) => call(db, ...args)),
    ]);
    return Object.fromEntries(bound) as WithoutModels<C>;
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

  /** What the server should be, and is not. @throws Fault `unavailable` */
  advice(): Promise<{ setting: string; advice: string }[]> {
    return this.run(async () => {
      const answer = await this.#connection.db?.command({ buildInfo: 1 });
      const version = String(answer?.version);
      if (Number.parseInt(version, 10) >= TESTED_VERSION) return [];
      const advice = `MongoDB is ${version}, older than what was tested (${TESTED_VERSION}): upgrade it`;
      return [{ setting: 'version', advice }];
    });
  }

  /** Writes a document of its own. @throws Fault with the refusal */
  probe(): Promise<void> {
    return this.run(async ({ installations }) => {
      await installations.updateOne({ _id: 'probe' }, { $set: { at: clock.date() } }, { upsert: true });
    });
  }

  /** Settled when the database was opened, or when the connection is closed. @throws FatalError where it is another's */
  get opened(): Promise<void> {
    return this.#opened;
  }

  /** Aborted when the connection is about to close: background work may stop then. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Lets the calls in progress finish, then closes the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
    this.#stopped.abort();
    await this.#opened.catch(() => undefined);
    await this.#connection.destroy();
  }

  async #openedInTime(): Promise<void> {
    await settledWithin(SELECTION_MS, this.#opened);
    if (!this.#isOpen && this.#isReached) await settledWithin(INDEXES_MS, this.#opened);
    if (!this.#isOpen) throw unavailable('the database cannot be used now', this.#refusal);
  }

  async #open(): Promise<void> {
    for (let failures = 0; !this.#stopped.signal.aborted; failures++) {
      try {
        await this.#connection.openUri(this.options.uri, { ...CLIENT, ...databaseOf(this.options.uri) });
        assertFollowsPrimary(this.options.uri, (await this.#connection.db?.command({ hello: 1 })) ?? {});
        this.#isReached = true;
        // Uniqueness relies on the indexes.
        await createIndexes(this.#models);
        if (this.options.keyPrefix !== undefined) await keepPrefix(this.#models, this.options.keyPrefix);
        this.#isOpen = true;
        return;
      } catch (error) {
        if (error instanceof FatalError) throw error;
        const fault = faultOf(error) as Error;
        this.#refusal = fault instanceof Fault ? fault.refusal : undefined;
        this.options.onProblem?.(fault);
      }
      await pauseUnlessAborted(backoff(failures, RETRY), this.#stopped.signal);
    }
  }
}
