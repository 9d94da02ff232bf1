/**
 * The entry point of a database thread. It answers requests one at a time and in order: the reader each on one view of
 * the database, the writer many in one commit, and between them it deletes what ended generations left.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { clock } from '../../clock.js';
import { cleanUpSome, isCleanedUp, needsCleanUp } from './clean-up.js';
import { type Database, openForReading, openForWriting, truncateLog } from './database.js';
import { endUploads, isListGone } from './ended-lists.js';
import { messageOf, type ThreadData, type ThreadReply, type ThreadRequest } from './messages.js';
import { type Gone, readerOperations, writerOperations } from './operations.js';

/** Requests in one commit at most: they share one wait for the disk. */
const COMMIT_AT_ONCE = 128;
/** The log cannot be truncated while the reader uses it; after this time the writer tries again. */
const READER_PAUSE_MS = 10;

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');
const { role, directory, heldTtlMs, maxHeldBytes, maxDeadLetterBytes } = workerData as ThreadData;

type Operations = Record<string, (db: Database, ...args: never[]) => unknown>;
const answer = (reply: ThreadReply): void => port.postMessage(reply);

function finish(db: Database): void {
  db.close();
  port?.close();
}

function perform(db: Database, operations: Operations, { id, operation, args }: ThreadRequest): ThreadReply {
  try {
    return { id, value: operations[operation]?.(db, ...(args as never[])) };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}

function serveReads(db: Database): void {
  port?.on('message', (request: ThreadRequest | 'close') => {
    if (request === 'close') finish(db);
    else answer(performOnOneView(db, request));
  });
}

/** All reads of one request see one state: a page's total fits its results, and a scan notices that its file is gone. */
function performOnOneView(db: Database, request: ThreadRequest): ThreadReply {
  try {
    db.exec('BEGIN');
    const reply = perform(db, readerOperations, request);
    db.exec('COMMIT');
    return reply;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    return { id: request.id, error: messageOf(error) };
  }
}

function isGone(db: Database, gone: Gone): boolean {
  if (gone === null) return true;
  return 'fileId' in gone ? isCleanedUp(db, gone.fileId) : isListGone(db, gone.listId);
}

/** The writing thread: takes turns of one commit and one step of clean-up. */
class Writer {
  readonly #operations: Operations;
  readonly #queue: ThreadRequest[] = [];
  /** Requests to be answered once nothing is left of what was deleted before. */
  #cleanUpRequests: { readonly id: number; readonly gone: Gone }[] = [];
  #isScheduled = false;
  #isClosing = false;
  #isClosed = false;
  #hasCleanUp = false;
  /** Whether the log may hold deleted data. After a crash that is unknown. */
  #logHoldsDeleted = true;

  constructor(private readonly db: Database) {
    const held = { ttlMs: heldTtlMs, maxBytes: maxHeldBytes, dropped: 0 };
    this.#operations = writerOperations({ held, maxDeadLetterBytes });
    port?.on('message', (request: ThreadRequest | 'close') => this.#receive(request));
    endUploads(db);
    this.#scheduleCleanUp();
  }

  #receive(request: ThreadRequest | 'close'): void {
    if (request === 'close') this.#isClosing = true;
    else if (request.operation === 'awaitCleanUp') {
      this.#cleanUpRequests.push({ id: request.id, gone: request.args[0] as Gone });
      this.#hasCleanUp = true;
    } else this.#queue.push(request);
    this.#schedule();
  }

  #scheduleCleanUp(): void {
    this.#hasCleanUp = true;
    this.#schedule();
  }

  #schedule(): void {
    // Clean-up that is left when the thread closes is done after the next start.
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => this.#takeTurn());
  }

  #takeTurn(): void {
    this.#isScheduled = false;
    const requests = this.#queue.splice(0, COMMIT_AT_ONCE);
    if (requests.length > 0) for (const reply of this.#commit(requests)) answer(reply);
    if (this.#queue.length === 0 && this.#isClosing) {
      this.#isClosed = true;
      finish(this.db);
      return;
    }
    if (this.#hasCleanUp) this.#cleanUp();
    if (this.#queue.length > 0 || this.#hasCleanUp) this.#schedule();
  }

  #commit(requests: readonly ThreadRequest[]): ThreadReply[] {
    try {
      this.db.exec('BEGIN IMMEDIATE');
      const replies = requests.map((request) => this.#performInSavepoint(request));
      this.#hasCleanUp ||= needsCleanUp(this.db);
      this.db.exec('COMMIT');
      return replies;
    } catch (error) {
      return this.#rollBack(requests, error);
    }
  }

  /** A request that fails takes back its own changes only. */
  #performInSavepoint(request: ThreadRequest): ThreadReply {
    this.db.exec('SAVEPOINT request');
    const reply = perform(this.db, this.#operations, request);
    if ('error' in reply) this.db.exec('ROLLBACK TO request');
    this.db.exec('RELEASE request');
    return reply;
  }

  /** Answers with the replies to the requests that waited for the transaction. */
  #rollBack(requests: readonly { readonly id: number }[], cause: unknown): ThreadReply[] {
    if (this.db.inTransaction) this.db.exec('ROLLBACK');
    const error = messageOf(cause);
    return requests.map(({ id }) => ({ id, error }));
  }

  /** One step, so that requests wait for no more than that. */
  #cleanUp(): void {
    try {
      this.db.exec('BEGIN IMMEDIATE');
      this.#hasCleanUp = cleanUpSome(this.db, clock.now());
      this.db.exec('COMMIT');
      this.#logHoldsDeleted ||= this.#hasCleanUp;
      this.#answerCleanUpRequests();
    } catch (error) {
      const replies = this.#rollBack(this.#cleanUpRequests, error);
      this.#cleanUpRequests = [];
      this.#hasCleanUp = false;
      replies.forEach(answer);
    }
  }

  /** What was deleted is gone only once the log is truncated, too. */
  #answerCleanUpRequests(): void {
    const done = this.#cleanUpRequests.filter(({ gone }) => isGone(this.db, gone));
    if (done.length === 0 && (this.#hasCleanUp || !this.#logHoldsDeleted)) return;
    if (!truncateLog(this.db)) {
      this.#hasCleanUp = false;
      setTimeout(() => this.#scheduleCleanUp(), READER_PAUSE_MS).unref();
      return;
    }
    this.#logHoldsDeleted = this.#hasCleanUp;
    for (const { id } of done) answer({ id, value: true });
    this.#cleanUpRequests = this.#cleanUpRequests.filter((request) => !done.includes(request));
  }
}

try {
  const db = role === 'writer' ? openForWriting(directory) : openForReading(directory);
  if (role === 'writer') new Writer(db);
  else serveReads(db);
  answer({ id: 0, value: 'open' });
} catch (error) {
  answer({ id: 0, error: messageOf(error) });
}
