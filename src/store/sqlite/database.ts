/** Opens and locks the SQLite file of a data directory, and wraps its driver. */

import { randomUUID } from 'node:crypto';
import { accessSync, constants, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Libsql from 'libsql';
import { clock } from '../../clock.js';
import { FatalError } from '../../errors.js';
import { codeOf, refusalOf } from './refusals.js';
import { SCHEMA, SCHEMA_VERSION } from './schema.js';

/** A value for a statement. Any other type (a boolean, a Date, an object) aborts the process inside the driver. */
export type Bind = string | number | null;
type Row = Record<string, string | number | null>;

/** EX_IOERR and EX_CANTCREAT of sysexits.h; a lock that is taken counts as temporary (EX_TEMPFAIL). */
const EXIT_IO = 74;
const EXIT_CANNOT_CREATE = 73;
const EXIT_LOCKED = 75;

/**
 * A connection of the driver: statements are prepared once, and take only values that are safe. Values are passed as one list:
 * the driver takes a single null for an object with named values.
 */
export class Database {
  readonly #db: Libsql.Database;
  readonly #statements = new Map<string, Libsql.Statement>();
  #isOpen = true;

  constructor(path: string) {
    this.#db = new Libsql(path);
  }

  run(sql: string, ...binds: Bind[]): { changes: number; lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.#prepare(sql).run(binds);
    return { changes, lastInsertRowid: Number(lastInsertRowid) };
  }

  /** Adds a row. Its members are named by the code, never from outside: they become the columns of the statement. */
  insert(table: string, row: Readonly<Record<string, Bind>>): { lastInsertRowid: number } {
    const columns = Object.keys(row);
    const places = columns.map(() => '?').join(', ');
    return this.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...Object.values(row));
  }

  get<T = Row>(sql: string, ...binds: Bind[]): T | undefined {
    const row = this.#prepare(sql).get(binds) as (T & { _metadata?: unknown }) | undefined;
    // The driver says in the row, beside the columns, how long it took.
    if (row !== undefined) delete row._metadata;
    return row;
  }

  all<T = Row>(sql: string, ...binds: Bind[]): T[] {
    return this.#prepare(sql).all(binds) as T[];
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** The driver aborts the process where a closed connection is asked for this. */
  get inTransaction(): boolean {
    return this.#isOpen && this.#db.inTransaction;
  }

  /** Closing twice is a no-op. */
  close(): void {
    if (!this.#isOpen) return;
    this.#statements.clear();
    // Prepared statements keep a closed connection, and what it has locked, until they are garbage.
    if (this.inTransaction) this.#db.exec('ROLLBACK');
    this.#isOpen = false;
    this.#db.close();
  }

  #prepare(sql: string): Libsql.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** How long a thread waits at most for the other one, in milliseconds. */
const BUSY = 'busy_timeout = 2000';
/** The system's own cache has most of the rest. What is read once, as for an export, has no use for one. */
const WRITER_CACHE_KIB = 16 * 1024;
const READER_CACHE_KIB = 4 * 1024;

/**
 * Opens the database under a directory for the one thread that writes; creates its tables where it is new. On a full disk it
 * calls `makeRoom` and tries once more: without an open database nothing can be deleted.
 */
export function openForWriting(directory: string, makeRoom: () => void): Database {
  return openOrExplain(directory, () => {
    try {
      return open(directory);
    } catch (error) {
      if (error instanceof FatalError || refusalOf(error, directory).reason !== 'disk_full') throw error;
      makeRoom();
      return open(directory);
    }
  });
}

/**
 * Creates a directory, and those above it that are missing. Node's own recursive `mkdir` never returns where a file system
 * refuses new entries as missing, as /proc does: the process would hang at its start, deaf to signals.
 */
function createDirectory(path: string): void {
  if (isDirectory(path)) return;
  const parent = dirname(path);
  if (parent !== path) createDirectory(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process that starts at the same time may have been faster.
    if (!isDirectory(path)) throw error;
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function open(directory: string): Database {
  createDirectory(directory);
  const database = new Database(databasePath(directory));
  const version = database.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
  if (version !== 0 && version !== SCHEMA_VERSION) {
    const age = version > SCHEMA_VERSION ? 'a newer' : 'an older';
    throw new FatalError(
      `the database in ${directory} was written by ${age} version (layout ${version}, this one knows ${SCHEMA_VERSION}); nothing was changed`,
      EXIT_CANNOT_CREATE,
    );
  }
  // FULL: a commit is on the disk before it is answered. secure_delete: deleted bytes are overwritten.
  for (const pragma of [
    BUSY,
    // Before there are tables: free pages can be given back to a disk that is full.
    ...(version === 0 ? ['auto_vacuum = INCREMENTAL'] : []),
    'journal_mode = WAL',
    'synchronous = FULL',
    'secure_delete = ON',
    `cache_size = -${WRITER_CACHE_KIB}`,
  ]) {
    database.all(`PRAGMA ${pragma}`);
  }
  if (version === 0) database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
  // SQLite opens a file that it may not write to without a word.
  try {
    writeProbe(database);
  } catch (error) {
    // On a full disk files can still be read and deleted.
    if (refusalOf(error, directory).reason !== 'disk_full') throw error;
  }
  return database;
}

/** A write of one row, to find out whether writing works. */
export function writeProbe(database: Database): void {
  database.run('UPDATE probe SET at = ?', clock.now());
}

/** Shortens the database file by free pages, some at a time; false: it has none. */
export function shrink(database: Database, pages: number): boolean {
  const free = database.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0;
  if (free > 0) database.exec(`PRAGMA incremental_vacuum(${pages})`);
  return free > pages;
}

/**
 * Writes the write-ahead log back and truncates it: it holds earlier versions of pages, and so what was deleted since.
 * False: the reading thread still uses it.
 */
export function truncateLog(database: Database): boolean {
  // Updates must not wait for a long read, after which alone the log can be truncated.
  database.exec('PRAGMA busy_timeout = 0');
  try {
    return database.get<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)')?.busy === 0;
  } finally {
    database.exec(`PRAGMA ${BUSY}`);
  }
}

/** Opens the same database for reading beside the thread that writes. */
export function openForReading(directory: string): Database {
  return openOrExplain(directory, () => {
    const database = new Database(databasePath(directory));
    for (const pragma of [BUSY, 'query_only = ON', `cache_size = -${READER_CACHE_KIB}`])
      database.all(`PRAGMA ${pragma}`);
    return database;
  });
}

/**
 * Takes the directory for this process. The lock of an SQLite file ends with its process, however that ends.
 * @throws FatalError where another gateway has it
 */
export function lock(directory: string): Database {
  return openOrExplain(directory, () => {
    createDirectory(directory);
    const file = join(directory, 'verigate.lock');
    try {
      return lockFile(file);
    } catch (error) {
      if (codeOf(error) !== 'SQLITE_BUSY') throw error;
      if (!canLock(directory)) {
        throw new FatalError(
          `the file system of ${directory} has no locks, so two gateways could write to one database; use a local disk for DATA_DIR`,
          EXIT_IO,
        );
      }
      throw new FatalError(
        `another gateway is running on ${directory}; give each its own DATA_DIR`,
        EXIT_LOCKED,
      );
    }
  });
}

function lockFile(path: string): Database {
  const database = new Database(path);
  try {
    database.all('PRAGMA journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    // SQLite takes no lock on a file that it may not write to; this says so.
    database.exec('PRAGMA user_version = 1');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Where not even a file that no other process knows can be locked, no gateway holds the lock: the file system has none. */
function canLock(directory: string): boolean {
  const path = join(directory, `verigate.lock-${randomUUID()}`);
  try {
    lockFile(path).close();
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { force: true });
  }
}

const databasePath = (directory: string): string => join(directory, 'verigate.db');

/** The files that have to stay at their places while a gateway runs. */
export const filesOf = (directory: string): string[] =>
  ['verigate.db', 'verigate.db-wal', 'verigate.lock'].map((name) => join(directory, name));

/** Runs `open`, and tells the operator what to do where it fails. Nothing is overwritten or repaired. */
function openOrExplain<T>(directory: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof FatalError) throw error;
    const reason = reasonOf(error, directory);
    throw new FatalError(`${reason} (${directory}): ${(error as Error).message}`, EXIT_IO, { cause: error });
  }
}

function reasonOf(error: unknown, directory: string): string {
  const code = codeOf(error);
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return 'the database is damaged; nothing was changed, restore it from a backup or move it away';
  }
  // The memory that connections share is a file as well; without room for it, the driver reports an I/O error.
  if (refusalOf(error, directory).reason === 'disk_full') return 'the disk is full; nothing was changed';
  const unwritable = [directory, ...filesOf(directory)].find((path) => !isWritable(path));
  if (unwritable !== undefined)
    return `${unwritable} cannot be written by this user; give it the rights, or another DATA_DIR`;
  return 'the database cannot be opened';
}

/** What is not there can be made where its directory can be written. */
function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
  }
}
