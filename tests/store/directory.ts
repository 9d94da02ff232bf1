import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { MARK } from './marked.js';

export { longList, MARK, marked } from './marked.js';

export const LIMITS = {
  heldTtlMs: 3_600_000,
  maxHeldBytes: 2 ** 26,
  deadLetterTtlMs: 3_600_000,
  maxDeadLetterBytes: 2 ** 26,
};

/** Opens the store of a directory, closed after the test. */
export async function openStore(directory = temporaryDirectory()): Promise<SqliteStore> {
  const store = await SqliteStore.open({ directory, ...LIMITS });
  onTeardown(() => store.close());
  return store;
}

/** The files of a directory that hold the mark somewhere. */
export const traces = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true })
    .filter((file) => file.isFile())
    .map(({ name }) => name)
    .filter((name) => readFileSync(join(directory, name), 'latin1').toLowerCase().includes(MARK));

/** Name and content of every file that counts: the lock and what SQLite shares between connections say nothing. */
export const contentsOf = (directory: string): Map<string, string> =>
  new Map(
    readdirSync(directory)
      .filter((file) => !/\.lock|-shm$/.test(file))
      .map((file) => [file, readFileSync(join(directory, file), 'hex')]),
  );
