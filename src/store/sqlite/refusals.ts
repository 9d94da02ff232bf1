/** Tells by the code of an error of SQLite or of the file system why a write was refused. */
import { accessSync, constants, statfsSync } from 'node:fs';
import type { Refusal, RefusalReason } from '../../refusal.js';

/** By the start of the code; the first match counts. */
const CODES: readonly (readonly [prefix: string, reason: RefusalReason, hint?: string])[] = [
  ['SQLITE_FULL', 'disk_full'],
  ['ENOSPC', 'disk_full'],
  ['EDQUOT', 'disk_full'],
  ['SQLITE_READONLY', 'read_only'],
  ['EROFS', 'read_only'],
  ['SQLITE_NOMEM', 'out_of_memory'],
  ['SQLITE_IOERR_NOMEM', 'out_of_memory'],
  ['SQLITE_PERM', 'forbidden'],
  ['SQLITE_AUTH', 'forbidden'],
  ['EACCES', 'forbidden'],
  ['EPERM', 'forbidden'],
  ['SQLITE_CORRUPT', 'refused', 'the database is damaged: restore it from a backup'],
  ['SQLITE_NOTADB', 'refused', 'the database is damaged: restore it from a backup'],
  ['SQLITE_CANTOPEN', 'refused', 'DATA_DIR is gone, or another user owns a file in it'],
  ['SQLITE_BUSY', 'refused', 'another program has locked the database'],
  ['SQLITE_LOCKED', 'refused'],
];

export const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

/** `directory`: where the database is; on a disk without room, or that takes no writes any more, SQLite reports errors of the device. */
export function refusalOf(error: unknown, directory: string): Refusal {
  const code = codeOf(error);
  if (code.startsWith('SQLITE_IOERR') && hasNoRoom(directory)) return { reason: 'disk_full', code };
  if (code.startsWith('SQLITE_IOERR') && isReadOnly(directory)) return { reason: 'read_only', code };
  const found = CODES.find(([prefix]) => code.startsWith(prefix));
  if (found === undefined) return { reason: 'refused', code: code || 'UNKNOWN' };
  const [, reason, hint] = found;
  return { reason, code, ...(hint !== undefined && { hint }) };
}

/** Bytes that the process may still write on the disk of a directory; where that cannot be found out, there is room. */
export function roomIn(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Less than a few pages. */
const hasNoRoom = (directory: string): boolean => roomIn(directory) < 65_536;

/** Linux makes a file system read-only by itself when its disk fails. */
function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}
