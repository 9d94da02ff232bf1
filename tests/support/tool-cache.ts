/**
 * Foreign tools that a few tests use and that are too large for every `npm install`. They are kept in the user's cache, and
 * set up there once where tests must not be skipped (CI).
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isRequired } from './describe-where.js';
import { ROOT } from './program.js';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'verigate');

export const succeeds = (command: string, args: readonly string[], cwd?: string): boolean =>
  spawnSync(command, args, { stdio: 'ignore', cwd }).status === 0;

/** Makes a folder of the cache, unless it is there. @returns the folder; null where it is not, and may not be made */
function cached(name: string, contents: readonly string[], make: (folder: string) => boolean): string | null {
  const version = createHash('sha256').update(contents.join('\n')).digest('hex').slice(0, 12);
  const folder = join(CACHE, `${name}-${version}`);
  const done = join(folder, '.done');
  if (existsSync(done)) return folder;
  if (!isRequired) return null;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (!make(folder)) return null;
  writeFileSync(done, '');
  return folder;
}

/** A folder with these npm packages installed, `name@version` each. */
export const npmPackages = (name: string, packages: readonly string[]): string | null =>
  cached(name, packages, (folder) => {
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    return succeeds('npm', ['install', '--no-audit', '--no-fund', '--save-exact', ...packages], folder);
  });

/** A folder of programs of a virtual environment of Python with these packages, `name==version` each. */
export function pythonPackages(name: string, packages: readonly string[]): string | null {
  const folder = cached(
    name,
    packages,
    (made) =>
      succeeds('python3', ['-m', 'venv', made]) &&
      succeeds(join(made, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...packages]),
  );
  return folder === null ? null : join(folder, 'bin');
}

/** A folder with what is made of these files of ours. Another content is made anew. */
export const madeOnce = (
  name: string,
  files: readonly string[],
  make: (folder: string) => boolean,
): string | null =>
  cached(
    name,
    files.map((file) => readFileSync(join(ROOT, file), 'utf8')),
    make,
  );
