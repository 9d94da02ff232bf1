/** Opens and locks the SQLite file of a data directory, and wraps its driver. */
import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { FatalError } from '../../errors.js';
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

  get<T = Row>(sql: string, ...binds: Bind[]): T | undefined {
    return this.#prepare(sql).get(binds) as T | undefined;
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
/** Of each thread. The system's own cache has most of the rest. */
const CACHE_KIB = 16 * 1024;

/** Opens the database under a directory for the one thread that writes; creates its tables where it is new. */
export function openForWriting(directory: string): Database {
  return openOrExplain(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
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
      'journal_mode = WAL',
      'synchronous = FULL',
      'secure_delete = ON',
      `cache_size = -${CACHE_KIB}`,
    ]) {
      database.all(`PRAGMA ${pragma}`);
    }
    if (version === 0) database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return database;
  });
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
    for (const pragma of [BUSY, 'query_only = ON', `cache_size = -${CACHE_KIB}`])
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
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const database = new Database(join(directory, 'verigate.lock'));
    try {
      database.all('PRAGMA journal_mode = MEMORY');
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      if (codeOf(error) !== 'SQLITE_BUSY') throw error;
      throw new FatalError(
        `another gateway is running on ${directory}; give each its own DATA_DIR`,
        EXIT_LOCKED,
      );
    }
    return database;
  });
}

const databasePath = (directory: string): string => join(directory, 'verigate.db');

export const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

/** Runs `open`, and tells the operator what to do where it fails. Nothing is overwritten or repaired. */
function openOrExplain<T>(directory: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof FatalError) throw error;
    throw new FatalError(
      `${reasonOf(codeOf(error), directory)} (${directory}): ${(error as Error).message}`,
      EXIT_IO,
      { cause: error },
    );
  }
}

function reasonOf(code: string, directory: string): string {
  if (code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')) {
    return 'the database is damaged; nothing was changed, restore it from a backup or move it away';
  }
  // The memory that connections share is a file as well; without room for it, the driver reports an I/O error.
  const isFull = code.startsWith('SQLITE_FULL') || code === 'ENOSPC';
  if (isFull || (code.startsWith('SQLITE_IOERR') && hasNoRoom(directory)))
    return 'the disk is full; nothing was changed';
  return 'the database cannot be opened';
}

function hasNoRoom(directory: string): boolean {
  try {
    return statfsSync(directory).bavail < 16;
  } catch {
    return false;
  }
}
