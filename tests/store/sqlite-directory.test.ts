import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Libsql from 'libsql';
import { FatalError } from '../../src/errors.js';
import { databasePath } from '../../src/store/sqlite/data-directory.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { fill, listsOf, pageOf } from '../contracts/store/harness.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { addresses } from '../support/updates.js';
import { retry } from '../support/wait.js';
import { contentsOf, LIMITS, longList, MARK, openStore, traces } from './directory.js';

const program = fileURLToPath(new URL('./open-directory.js', import.meta.url));
/** `fcntl` with every lock refused, as on a file system that has none. */
const NO_LOCKS = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
static int call(const char *name, int fd, int command, void *argument) {
  if (command == F_SETLK || command == F_SETLKW) { errno = ENOLCK; return -1; }
  int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
  return real(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);
  return call("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);
  return call("fcntl64", fd, command, argument);
}
`;

/** The user that has no rights anywhere; root would be let in everywhere. */
const NOBODY = 65_534;

interface Said {
  open?: true;
  saved?: number;
  portion?: true;
  name?: string;
  message?: string;
  exitCode?: number;
}

/** Starts another process on the directory; killed after the test. */
function otherProcess(
  directory: string,
  what = 'hold',
  options: { uid?: number; env?: NodeJS.ProcessEnv } = {},
  ...more: readonly string[]
) {
  const child = spawn(process.execPath, [program, directory, what, ...more], {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...options,
  });
  const exited = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  onTeardown(kill);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Said | null> => {
    const { value, done } = await lines.next();
    return done ? null : (JSON.parse(value) as Said);
  };
  return { next, kill };
}

async function refusal(directory: string): Promise<FatalError> {
  try {
    const store = await SqliteStore.open({ directory, ...LIMITS });
    await store.close();
  } catch (error) {
    if (error instanceof FatalError) return error;
    throw error;
  }
  throw new Error('it was opened');
}

let original: string;

beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), 'verigate-test-'));
  const store = await SqliteStore.open({ directory: original, ...LIMITS });
  await fill(store, 'f1', new Map([['b1', addresses(2_000)]]));
  await store.close();
});

afterAll(() => rmSync(original, { recursive: true, force: true }));

/** A directory with a database that somebody has used. */
function used(): string {
  const directory = temporaryDirectory();
  cpSync(original, directory, { recursive: true });
  return directory;
}

describe('a directory', () => {
  it('belongs to one store at a time', async () => {
    const directory = temporaryDirectory();
    const first = await openStore(directory);
    expect(await refusal(directory)).toMatchObject({
      exitCode: 75,
      message: `another gateway is running on ${directory}; give each its own DATA_DIR`,
    });
    // Whoever was refused has disturbed nothing.
    await fill(first, 'f1', new Map([['b1', ['a']]]));
    await first.close();
    const second = await openStore(directory);
    expect(await listsOf(second, 'f1')).toEqual({ b1: ['a'] });
  });

  it('belongs to one process at a time, and to the next one after a kill', async () => {
    const directory = temporaryDirectory();
    const other = otherProcess(directory);
    expect(await other.next()).toEqual({ open: true });
    expect((await refusal(directory)).message).toContain('another gateway is running');
    expect(await otherProcess(directory).next()).toMatchObject({ name: 'FatalError', exitCode: 75 });
    await other.kill();
    await (await openStore(directory)).close();
  });

  it('is made where it is missing, for its owner alone', async () => {
    const directory = join(temporaryDirectory(), 'not', 'yet', 'there');
    await (await openStore(directory)).close();
    expect(contentsOf(directory).size).toBe(1);
  });

  it('keeps all that was said to be safe through kill after kill', async () => {
    const directory = temporaryDirectory();
    for (let round = 0; round < 3; round++) {
      const writer = otherProcess(directory, 'write');
      let safe = 0;
      for (let line = 0; line < 40; line++) safe = (await writer.next())?.saved ?? safe;
      await writer.kill();
      for (let said = await writer.next(); said !== null; said = await writer.next())
        safe = said.saved ?? safe;
      const store = await openStore(directory);
      const { b1 = [] } = await listsOf(store, 'f1');
      expect(b1).toEqual(addresses(b1.length));
      expect(b1.length).toBeGreaterThanOrEqual(safe);
      await store.close();
    }
  });

  it('has long lists wholly or not at all, wherever a kill cuts one off, and nothing of those before', async () => {
    const directory = temporaryDirectory();
    let safe = 0;
    // While the first list is written, between the portions of others, and when the last portion is on its way.
    for (const portions of [2, 4, 5, 6]) {
      const writer = otherProcess(directory, 'rewrite', {}, String(safe + 1));
      let written = 0;
      while (written < portions) {
        const said = await writer.next();
        if (said === null) throw new Error('the writer has ended');
        if (said.portion) written++;
        safe = said.saved ?? safe;
      }
      await writer.kill();
      for (let said = await writer.next(); said !== null; said = await writer.next())
        safe = said.saved ?? safe;
      const store = await openStore(directory);
      const { b1 = [] } = await listsOf(store, 'f1');
      const stored = [safe, safe + 1].find((n) => longList(n)[0] === b1[0]) ?? 0;
      expect(stored).toBeGreaterThanOrEqual(safe);
      expect(b1).toEqual(stored === 0 ? [] : longList(stored));
      safe = stored;
      const search = { fileId: 'f1', page: 1, limit: 1 };
      const total = async (email: string) => (await store.results.page({ ...search, email }))?.total;
      expect(await total(longList(safe + 1)[0]?.slice(0, 45) ?? '')).toBe(0);
      expect(await total(`${MARK}.example`)).toBe(b1.length);
      // What was cut off, and what was replaced, is deleted while the file is there.
      const rows = new Libsql(databasePath(directory));
      await retry(async () => {
        const { left } = rows.prepare('SELECT count(*) AS left FROM hidden_lists').get([]) as {
          left: number;
        };
        expect(left).toBe(0);
      });
      const { kept } = rows.prepare('SELECT count(*) AS kept FROM addresses').get([]) as { kept: number };
      expect(kept).toBe(b1.length);
      rows.close();
      await store.close();
    }
    expect(safe).toBeGreaterThan(0);
    const store = await openStore(directory);
    await store.files.remove('f1');
    expect(traces(directory)).toEqual([]);
  });
});

describe('what cannot be opened', () => {
  it('is a path where a file is', async () => {
    const directory = join(temporaryDirectory(), 'file');
    writeFileSync(directory, 'not a directory');
    expect(await refusal(directory)).toMatchObject({
      exitCode: 74,
      message: expect.stringContaining(directory),
    });
    expect(readFileSync(directory, 'utf8')).toBe('not a directory');
    expect((await refusal(join(directory, 'below'))).message).toContain('cannot be opened');
  });

  // In a process of its own: what never returns would keep every test waiting.
  (process.platform === 'linux' ? it : it.skip)('is a path where nothing can be created', async () => {
    const said = await otherProcess('/proc/verigate/below', 'hold').next();
    expect(said).toMatchObject({
      name: 'FatalError',
      exitCode: 74,
      message: expect.stringContaining('/proc/'),
    });
  });

  it('is a database whose name is a directory', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'verigate.db'));
    expect((await refusal(directory)).message).toContain('the database cannot be opened');
  });

  const isRoot = process.getuid?.() === 0;
  // Root may write everywhere, so another user has to try; who in turn has to be able to read the program.
  const options = isRoot ? { uid: NOBODY } : {};
  const canTry = spawnSync(process.execPath, ['--check', program], options).status === 0;
  const title = `is a directory that may not be written to${canTry ? '' : ' (skipped: another user cannot run the program from here)'}`;

  (canTry ? it : it.skip).each([['.', 'verigate.db', 'verigate.lock'], ['verigate.db']])(
    `${title}: %s`,
    async (...locked) => {
      const directory = used();
      for (const path of ['.', 'verigate.db', 'verigate.lock'])
        chmodSync(join(directory, path), locked.includes(path) ? 0o555 : 0o777);
      const before = contentsOf(directory);
      const said = await otherProcess(directory, 'hold', options).next();
      expect(said).toMatchObject({
        name: 'FatalError',
        exitCode: 74,
        message: expect.stringContaining(directory),
      });
      // SQLite may leave an empty log beside the file.
      for (const [name, content] of before) expect(contentsOf(directory).get(name)).toBe(content);
    },
  );

  const mayMount =
    spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs tmpfs $d && umount $d']).status === 0;

  (mayMount ? it : it.skip)('is on a file system that is mounted read-only', async () => {
    const disk = temporaryDirectory();
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
    onTeardown(() => spawnSync('umount', ['-l', disk]));
    cpSync(original, join(disk, 'data'), { recursive: true });
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    expect(await refusal(join(disk, 'data'))).toMatchObject({
      exitCode: 74,
      message: expect.stringContaining('cannot be written'),
    });
  });

  const hasCompiler = spawnSync('cc', ['--version']).status === 0;

  (hasCompiler ? it : it.skip)('is on a file system without locks', async () => {
    // The system's answer there, from a library that is loaded first.
    const library = join(temporaryDirectory(), 'no-locks.so');
    const built = spawnSync('cc', ['-shared', '-fPIC', '-x', 'c', '-o', library, '-', '-ldl'], {
      input: NO_LOCKS,
    });
    expect(String(built.stderr)).toBe('');
    const directory = used();
    const env = { PATH: process.env.PATH, LD_PRELOAD: library };
    expect(await otherProcess(directory, 'hold', { env }).next()).toMatchObject({
      name: 'FatalError',
      exitCode: 74,
      message: expect.stringContaining('has no locks'),
    });
    await (await openStore(directory)).close();
  });

  it.each([
    ['a newer', 4711],
    ['an older', 4],
  ])('is a database of %s version', async (age, version) => {
    const directory = used();
    const database = new Libsql(join(directory, 'verigate.db'));
    database.exec(`PRAGMA user_version = ${version}`);
    database.close();
    const before = contentsOf(directory);
    const { exitCode, message } = await refusal(directory);
    expect(exitCode).toBe(73);
    expect(message).toContain(`written by ${age} version (layout ${version}`);
    expect(contentsOf(directory)).toEqual(before);
  });
});

describe('a damaged database', () => {
  const HEADER = 100;
  const PAGE = 4_096;
  const garbage = Buffer.alloc(PAGE, 'garbage ');

  function damage(directory: string, at: number, bytes: Buffer): void {
    const file = openSync(join(directory, 'verigate.db'), 'r+');
    writeSync(file, bytes, 0, bytes.length, at);
    closeSync(file);
  }

  it.each([
    ['its header is overwritten', 0, garbage.subarray(0, HEADER)],
    ['its first page is overwritten', 0, garbage],
    ['its list of tables is overwritten', HEADER, garbage.subarray(HEADER)],
  ])('is refused and left as it is where %s', async (_, at, bytes) => {
    const directory = used();
    damage(directory, at, bytes);
    const before = contentsOf(directory);
    const { exitCode, message } = await refusal(directory);
    expect(exitCode).toBe(74);
    expect(message).toContain('the database is damaged; nothing was changed');
    expect(message).toContain(directory);
    expect(contentsOf(directory)).toEqual(before);
  });

  it('is refused and left as it is where it is no database at all', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'verigate.db'), 'once upon a time '.repeat(1_000));
    const before = contentsOf(directory);
    expect((await refusal(directory)).message).toContain('the database is damaged');
    expect(contentsOf(directory)).toEqual(before);
  });

  it('is refused where it was cut', async () => {
    const directory = used();
    const path = join(directory, 'verigate.db');
    writeFileSync(path, readFileSync(path).subarray(0, 5 * PAGE + 1_000));
    const before = contentsOf(directory);
    expect((await refusal(directory)).message).toContain('the database is damaged');
    expect(contentsOf(directory)).toEqual(before);
  });

  it('never answers nonsense where a page in the middle is overwritten', async () => {
    const directory = used();
    const pages = readFileSync(join(directory, 'verigate.db')).length / PAGE;
    for (let page = 12; page < pages; page += 1) damage(directory, page * PAGE, garbage);
    const opened = await SqliteStore.open({ directory, ...LIMITS }).catch((error: unknown) => error);
    if (!(opened instanceof SqliteStore)) {
      expect(opened).toMatchObject({ name: 'FatalError', message: expect.stringContaining('is damaged') });
      return;
    }
    onTeardown(() => opened.close());
    const calls = [
      listsOf(opened, 'f1'),
      pageOf(opened, { fileId: 'f1', page: 1, limit: 500 }),
      pageOf(opened, { fileId: 'f1', page: 1, limit: 500, email: 'a' }),
    ];
    for (const { status, ...outcome } of await Promise.allSettled(calls)) {
      expect({ status, ...outcome }).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
  });
});
