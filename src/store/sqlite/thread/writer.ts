/**
 * The writing thread: many requests in one commit, in order. Between the commits it deletes what ended generations left, and merges
 * runs of the index.
 */

import { clock } from '../../../clock.js';
import type { BatchId } from '../../../domain/id.js';
import { batchOf } from '../batches/batches.js';
import { cleanUpSome, isCleanedUp, needsCleanUp } from '../clean-up.js';
import type { Database } from '../database.js';
import { endUploads, isListGone } from '../ended-lists.js';
import { shrink, truncateLog } from '../open.js';
import { refusalOf } from '../refusals.js';
import { dropAllWritten, isCrowded } from '../results/hidden-lists.js';
import { mergeSome, needsMerge } from '../results/runs.js';
import { releaseLeases } from '../submissions/steps.js';
import { answer, data, finish, type Operations, onRequest, perform } from './answers.js';
import { type FileWatch, readsOnly } from './file-watch.js';
import { diskFull, isDiskFull, makesRoom, needsRoom } from './full-disk.js';
import { LogTruncation } from './log-truncation.js';
import { databaseErrorOf, type ThreadReply, type ThreadRequest, thrownBy } from './messages.js';
import { type Gone, writerOperations } from './operations.js';
import { PageGaps } from './page-gaps.js';
import type { DiskReserve } from './reserve.js';

const { directory } = data;

/** Requests in one commit at most: they share one wait for the disk. */
const COMMIT_AT_ONCE = 128;
/** The log cannot be truncated while the reader uses it; after this time the writer tries again. */
const READER_PAUSE_MS = 10;
/** Pages by which the file is shortened in one step: they pass through the log. */
const PAGES_GIVEN_BACK = 64;

function isGone(db: Database, gone: Gone): boolean {
  if (gone === null) return true;
  if ('batchId' in gone) return !isBatchCrowded(db, gone.batchId);
  return 'fileId' in gone ? isCleanedUp(db, gone.fileId) : isListGone(db, gone.listId);
}

function isBatchCrowded(db: Database, batchId: BatchId): boolean {
  const batch = batchOf(db, batchId);
  return batch !== undefined && isCrowded(db, batch);
}

/** Takes turns of one commit and one step of clean-up. */
export class Writer {
  readonly #operations: Operations;
  readonly #queue: ThreadRequest[] = [];
  /** Requests to be answered once nothing is left of what was deleted before. */
  #cleanUpRequests: { readonly id: number; readonly gone: Gone }[] = [];
  #isScheduled = false;
  #isClosing = false;
  #isClosed = false;
  #hasCleanUp = false;
  #hasMerge = true;
  /** Whether the log may hold deleted data. After a crash that is unknown. */
  #logHoldsDeleted = true;
  readonly #log = new LogTruncation(data.readPause);
  readonly #gaps = new PageGaps(directory, this.#log);
  #gapsTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly db: Database,
    private readonly reserve: DiskReserve,
    private readonly files: FileWatch,
  ) {
    const held = { ttlMs: data.heldTtlMs, maxBytes: data.maxHeldBytes, dropped: 0 };
    this.#operations = writerOperations({ held, maxDeadLetterBytes: data.maxDeadLetterBytes });
    // The directory is this process's alone: the one that worked on submissions before is gone.
    releaseLeases(db);
    onRequest((request) => this.#receive(request));
    endUploads(db);
    dropAllWritten(db);
    this.#scheduleCleanUp();
  }

  #receive(request: ThreadRequest | 'close'): void {
    if (request === 'close') this.#isClosing = true;
    else if (request.operation === 'database.awaitCleanUp') {
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
    this.files.beginWrites();
    const requests = this.#queue.splice(0, COMMIT_AT_ONCE);
    const replies = requests.length > 0 ? this.#commit(requests) : [];
    this.files.endWrites();
    if (replies.length > 0) answer(...replies);
    if (this.#queue.length === 0 && this.#isClosing) {
      this.#isClosed = true;
      this.#gaps.end();
      finish(this.db);
      return;
    }
    const hadSteps = this.#hasCleanUp || this.#hasMerge;
    if (hadSteps) {
      this.files.beginWrites();
      if (this.#hasCleanUp) this.#cleanUp();
      else this.#merge();
      this.files.endWrites();
    } else this.#clearGaps();
    // The turn after the last step begins to wait for a pass over the gaps, and that after the pass writes the log back.
    if (this.#queue.length > 0 || hadSteps || this.#hasCleanUp) this.#schedule();
  }

  /**
   * Deletions that find no room get that of the reserve, and are tried once more; so are reads, which only shared the
   * commit of a request that found none.
   */
  #commit(requests: readonly ThreadRequest[]): ThreadReply[] {
    if (this.reserve.isFull || requests.some(({ operation }) => operation === 'database.probe'))
      this.reserve.check();
    if (this.reserve.isFull && requests.some(makesRoom)) this.#giveUpReserve();
    const replies = this.#attempt(requests);
    const unmade = requests.filter((_, index) => isDiskFull(replies[index]));
    if (unmade.length === 0) return replies;
    this.reserve.markFull();
    if (unmade.some(makesRoom)) this.#giveUpReserve();
    const parts = [makesRoom, readsOnly]
      .map((kind) => unmade.filter(kind))
      .filter(({ length }) => length > 0);
    const again = parts.flatMap((part) => this.#attempt(part));
    return replies.map((reply) => again.find(({ id }) => id === reply.id) ?? reply);
  }

  #attempt(requests: readonly ThreadRequest[]): ThreadReply[] {
    try {
      const gone = this.files.fault();
      this.db.exec('BEGIN IMMEDIATE');
      const replies = requests.map((request) =>
        gone === null || readsOnly(request)
          ? this.#performOne(request, requests.length === 1)
          : { id: request.id, error: databaseErrorOf(gone, directory) },
      );
      this.#hasCleanUp ||= needsCleanUp(this.db);
      this.#hasMerge ||= needsMerge(this.db);
      this.db.exec('COMMIT');
      return replies;
    } catch (error) {
      return this.#rollBack(requests, error);
    }
  }

  /** A request that fails takes back its own changes only; `isAlone`: there are no others in the transaction. */
  #performOne(request: ThreadRequest, isAlone: boolean): ThreadReply {
    if (this.reserve.isFull && needsRoom(request))
      return { id: request.id, error: databaseErrorOf(diskFull(), directory) };
    if (!isAlone) this.db.exec('SAVEPOINT request');
    const reply = perform(this.db, this.#operations, request);
    // Some errors, as that of a full disk, may have rolled back everything.
    if ('error' in reply && (isAlone || !this.db.inTransaction)) throw thrownBy(reply.error);
    if ('error' in reply) this.db.exec('ROLLBACK TO request');
    if (!isAlone) this.db.exec('RELEASE request');
    return reply;
  }

  /** Answers with the replies to the requests that waited for the transaction. */
  #rollBack(requests: readonly { readonly id: number }[], cause: unknown): ThreadReply[] {
    if (this.db.inTransaction) this.db.exec('ROLLBACK');
    const error = databaseErrorOf(cause, directory);
    return requests.map(({ id }) => ({ id, error }));
  }

  /** The log may have most of the room that is left; written back, it needs none. */
  #giveUpReserve(): void {
    this.reserve.giveUp();
    this.#truncateLogIfPossible();
  }

  #truncateLogIfPossible(): void {
    try {
      truncateLog(this.db);
    } catch {
      // There is no room to write it back: the next step finds out whether there is some for itself.
    }
  }

  /** One step, so that requests wait for no more than that. */
  #cleanUp(isSecondTry = false): void {
    const { isFull } = this.reserve;
    try {
      this.files.check();
      this.#hasCleanUp = this.#commitUnawaited(() => cleanUpSome(this.db, clock.now(), isFull));
      this.#logHoldsDeleted ||= this.#hasCleanUp;
      if (this.#hasCleanUp) this.#gaps.want();
      if (isFull) this.#giveRoomBack();
      this.#answerCleanUpRequests();
    } catch (error) {
      const replies = this.#rollBack(this.#cleanUpRequests, error);
      const isNewlyFull = refusalOf(error, directory).reason === 'disk_full' && !isSecondTry;
      if (isNewlyFull) {
        this.#giveUpReserve();
        this.#cleanUp(true);
        return;
      }
      this.#cleanUpRequests = [];
      this.#hasCleanUp = false;
      if (replies.length > 0) answer(...replies);
    }
  }

  /** What was deleted is free inside the database file only; on a full disk the file is shortened. */
  #giveRoomBack(): void {
    this.#truncateLogIfPossible();
    if (this.#hasCleanUp) return;
    this.#hasCleanUp = shrink(this.db, PAGES_GIVEN_BACK);
    this.#truncateLogIfPossible();
  }

  /** One step of a merge, for which updates wait no longer than for one of clean-up. One that fails waits for a commit. */
  #merge(): void {
    this.#hasMerge = false;
    if (this.reserve.isFull) return;
    try {
      this.#hasMerge = this.#commitUnawaited(() => mergeSome(this.db));
    } catch (error) {
      this.#rollBack([], error);
    }
  }

  /** One step of a pass, when nothing else is to be done. One that fails is made up for by the next pass. */
  #clearGaps(): void {
    if (this.reserve.isFull) return;
    try {
      this.files.check();
      if (this.#gaps.dueIn(performance.now()) === 0 && this.#gaps.begin(this.db)) {
        const isOver = this.#commitUnawaited(() => this.#gaps.step(this.db));
        this.#hasCleanUp ||= isOver;
        // What was overwritten is in the log as it was.
        this.#logHoldsDeleted ||= isOver;
      }
    } catch (error) {
      this.#gaps.fail();
      this.#rollBack([], error);
    }
    clearTimeout(this.#gapsTimer);
    const inMs = this.#gaps.dueIn(performance.now());
    if (inMs === 0) this.#schedule();
    else if (inMs !== null) this.#gapsTimer = setTimeout(() => this.#schedule(), inMs).unref();
  }

  /** A step that does not have to be on the disk at once, for which others would wait: after a power failure it is done again. */
  #commitUnawaited(step: () => boolean): boolean {
    this.db.exec('PRAGMA synchronous = NORMAL');
    try {
      this.db.exec('BEGIN IMMEDIATE');
      const hasMore = step();
      this.db.exec('COMMIT');
      return hasMore;
    } finally {
      // Within a transaction it could not be changed back.
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      this.db.exec('PRAGMA synchronous = FULL');
    }
  }

  /** What was deleted is gone only once the log is truncated, too. */
  #answerCleanUpRequests(): void {
    const done = this.#cleanUpRequests.filter(({ gone }) => isGone(this.db, gone));
    if (done.length === 0 && (this.#hasCleanUp || !this.#logHoldsDeleted)) return;
    if (!this.#log.try(this.db)) {
      this.#hasCleanUp = false;
      setTimeout(() => this.#scheduleCleanUp(), READER_PAUSE_MS).unref();
      return;
    }
    this.#logHoldsDeleted = this.#hasCleanUp;
    if (done.length > 0) answer(...done.map(({ id }) => ({ id, value: true })));
    this.#cleanUpRequests = this.#cleanUpRequests.filter((request) => !done.includes(request));
  }
}
