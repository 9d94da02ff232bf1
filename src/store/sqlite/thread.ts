import { parentPort, workerData } from 'node:worker_threads';
import { cleanUpSome, isCleanedUp, needsCleanUp } from './clean-up.js';
import { cutLog, type Database, openForReading, openForWriting } from './database.js';
import { type Reply, type Request, type ThreadData, toWire } from './messages.js';
import { readerOperations, writerOperations } from './operations.js';

/** The generation of a database thread: it answers requests in order. The writer puts those that wait into one commit. */
const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');
const { role, directory, heldTtlMs, maxHeldBytes, maxDeadLetterBytes } = workerData as ThreadData;

/** Requests that share one commit, and so one wait for the disk, at most. */
const COMMIT_AT_ONCE = 128;
/** The log cannot be cut while somebody reads from it; then it is tried again. */
const READER_PAUSE_MS = 10;

type Operations = Record<string, (...args: never[]) => unknown>;
const answer = (reply: Reply): void => port.postMessage(reply);

function perform(operations: Operations, { id, operation, args }: Request): Reply {
  try {
    return { id, value: operations[operation]?.(...(args as never[])) };
  } catch (error) {
    return { id, error: toWire(error) };
  }
}

/** All that one request reads is of one moment: a page's total fits its results, and no scan misses that its file went. */
function performOnOneView(db: Database, operations: Operations, request: Request): Reply {
  try {
    db.exec('BEGIN');
    const reply = perform(operations, request);
    db.exec('COMMIT');
    return reply;
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    return { id: request.id, error: toWire(error) };
  }
}

function read(db: Database): void {
  const operations = readerOperations(db) as Operations;
  port?.on('message', (request: Request | 'close') => {
    if (request === 'close') finish(db);
    else answer(performOnOneView(db, operations, request));
  });
}

function write(db: Database): void {
  const held = { ttlMs: heldTtlMs, maxBytes: maxHeldBytes, dropped: 0 };
  const operations = writerOperations(db, { held, maxDeadLetterBytes }) as Operations;
  const queue: Request[] = [];
  const awaitingCleanliness: { id: number; fileId: string | null }[] = [];
  let scheduled = false;
  let closing = false;
  let isOver = false;
  let dirty = false;
  /** Whether the log may hold what was deleted; after a crash nobody knows. */
  let stale = true;

  port?.on('message', (request: Request | 'close') => {
    if (request === 'close') closing = true;
    else if (request.operation === 'cleaned') {
      awaitingCleanliness.push({ id: request.id, fileId: request.args[0] as string | null });
      dirty = true;
    } else queue.push(request);
    schedule();
  });

  function schedule(): void {
    // What was left to clean when the thread was told to end is cleaned after the next start.
    if (scheduled || isOver) return;
    scheduled = true;
    setImmediate(work);
  }

  function work(): void {
    scheduled = false;
    const batch = queue.splice(0, COMMIT_AT_ONCE);
    if (batch.length > 0) for (const reply of commit(batch)) answer(reply);
    if (queue.length === 0 && closing) {
      isOver = true;
      finish(db);
      return;
    }
    if (dirty) clean();
    if (queue.length > 0 || dirty) schedule();
  }

  function commit(requests: readonly Request[]): Reply[] {
    try {
      db.exec('BEGIN IMMEDIATE');
      const replies = requests.map(performAlone);
      dirty ||= needsCleanUp(db);
      db.exec('COMMIT');
      return replies;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      const failure = toWire(error);
      return requests.map(({ id }) => ({ id, error: failure }));
    }
  }

  /** One request that fails takes back its own changes only. */
  function performAlone(request: Request): Reply {
    db.exec('SAVEPOINT request');
    const reply = perform(operations, request);
    if ('error' in reply) db.exec('ROLLBACK TO request');
    db.exec('RELEASE request');
    return reply;
  }

  /** Deletes what ended generations left behind, a little between the requests, and tells those who wait for it. */
  function clean(): void {
    try {
      db.exec('BEGIN IMMEDIATE');
      dirty = cleanUpSome(db, Date.now());
      db.exec('COMMIT');
      stale ||= dirty;
      answerTheCleaned();
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      dirty = false;
      const failure = toWire(error);
      for (const { id } of awaitingCleanliness.splice(0)) answer({ id, error: failure });
    }
  }

  function answerTheCleaned(): void {
    const clean = awaitingCleanliness.filter(({ fileId }) => fileId === null || isCleanedUp(db, fileId));
    if (clean.length === 0 && (dirty || !stale)) return;
    if (!cutLog(db)) {
      dirty = false;
      setTimeout(cleanOn, READER_PAUSE_MS).unref();
      return;
    }
    stale = dirty;
    for (const { id } of clean) answer({ id, value: true });
    const answered = new Set(clean.map(({ id }) => id));
    awaitingCleanliness.splice(0, Infinity, ...awaitingCleanliness.filter(({ id }) => !answered.has(id)));
  }

  function cleanOn(): void {
    dirty = true;
    schedule();
  }

  cleanOn();
}

function finish(db: Database): void {
  db.close();
  port?.close();
}

try {
  const db = role === 'writer' ? openForWriting(directory) : openForReading(directory);
  if (role === 'writer') write(db);
  else read(db);
  answer({ id: 0, value: 'open' });
} catch (error) {
  answer({ id: 0, error: toWire(error) });
}
