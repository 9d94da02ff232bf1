/** The data directory of the embedded gateway: its files, its lock, and why it cannot be used. */

import { randomUUID } from 'node:crypto';
import { accessSync, constants, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FatalError } from '../../errors.js';
import { Database } from './database.js';
import { codeOf, refusalOf } from './refusals.js';

/** EX_IOERR of sysexits.h; a lock that is taken counts as temporary (EX_TEMPFAIL). */
const EXIT_IO = 74;
const EXIT_LOCKED = 75;

/**
 * Creates a directory, and those above it that are missing. Node's own recursive `mkdir` never returns where a file system
 * refuses new entries as missing, as /proc does: the process would hang at its start, deaf to signals.
 */
export function createDirectory(path: string): void {
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

export const databasePath = (directory: string): string => join(directory, 'verigate.db');

/** The files that have to stay at their places while a gateway runs. */
export const filesOf = (directory: string): string[] =>
  ['verigate.db', 'verigate.db-wal', 'verigate.lock'].map((name) => join(directory, name));

/** Runs `open`, and tells the operator what to do where it fails. Nothing is overwritten or repaired. */
export function openOrExplain<T>(directory: string, open: () => T): T {
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
