/** Opens the SQLite file of a data directory for its two threads, and looks after its size. */

import { clock } from '../../clock.js';
import { FatalError } from '../../errors.js';
import { createDirectory, databasePath, openOrExplain } from './data-directory.js';
import { Database } from './database.js';
import { refusalOf } from './refusals.js';
import { SCHEMA, SCHEMA_VERSION } from './schema.js';

/** EX_CANTCREAT of sysexits.h. */
const EXIT_CANNOT_CREATE = 73;
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

/** Bytes of all pages of the database, those included that are in its log alone. 0: they cannot be read now. */
export function bytesOf(database: Database): number {
  try {
    const [pages, size] = ['page_count', 'page_size'].map((name) => database.get(`PRAGMA ${name}`)?.[name]);
    return Number(pages) * Number(size);
  } catch {
    return 0;
  }
}

/** Of the log: a header, and one before each page. */
const LOG_HEADER_BYTES = 32;
const PAGE_HEADER_BYTES = 24;

/** Bytes of the log that are in use. Infinite: what is in it cannot be read. Where it can, it is written back as far as nothing reads it. */
export function bytesOfLog(database: Database): number {
  try {
    const { log = 0 } = database.get<{ log: number }>('PRAGMA wal_checkpoint(PASSIVE)') ?? {};
    const size = Number(database.get('PRAGMA page_size')?.page_size);
    return log > 0 ? LOG_HEADER_BYTES + log * (PAGE_HEADER_BYTES + size) : 0;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
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
