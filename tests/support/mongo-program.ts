/** Finds or installs a MongoDB server for tests. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * `mongod` from the PATH, else SecantusDB, which speaks MongoDB's protocol on the same storage engine. It is not used
 * if MONGODB_URI is set. Without any server the tests that need one are skipped with a message, or fail with CI or
 * REQUIRE_SERVICES set.
 */
const SECANTUS = { name: 'secantus-mdb', version: '0.5.3-beta.196' };

export interface Program {
  readonly command: string;
  args(directory: string, port: number, options: { isDurable: boolean }): string[];
  /** Matches the line that it prints when it is ready; the group is its port. */
  readonly listening: RegExp;
}

const secantus = (command: string): Program => ({
  command,
  args: (directory, port, { isDurable }) => [
    '--port',
    String(port),
    '--storage-path',
    directory,
    '--enable-test-commands',
    '--cache-size',
    '256M',
    // Without it a kill loses acknowledged writes; with it each write waits for the disk.
    ...(isDurable ? ['--sync-on-commit'] : []),
  ],
  listening: /listening on 127\.0\.0\.1:(\d+)/,
});

const mongod: Program = {
  command: 'mongod',
  args: (directory, port) => [
    '--dbpath',
    directory,
    '--port',
    String(port),
    '--bind_ip',
    '127.0.0.1',
    '--setParameter',
    'enableTestCommands=1',
  ],
  listening: /"Waiting for connections".*"port":(\d+)/,
};

export const say = (text: string): void => void process.stderr.write(`tests: ${text}\n`);
const succeeds = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const runs = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: ['ignore', 2, 2] }).status === 0;

export function findProgram(): Program | null {
  if (succeeds('mongod', ['--version'])) return mongod;
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'verigate');
  const built = join(cache, 'secantus', 'bin', 'secantusd-rs');
  if (existsSync(built)) return secantus(built);
  const installed = join(cache, 'secantus-py', 'bin', 'secantusd-py');
  if (existsSync(installed)) return secantus(installed);
  if (succeeds('cargo', ['--version'])) {
    say(`no MongoDB here; building SecantusDB into ${cache}, once, which takes some minutes`);
    const { name, version } = SECANTUS;
    const args = ['install', name, '--version', version, '--locked', '--ignore-rust-version', '--root'];
    if (runs('cargo', [...args, join(cache, 'secantus')]) && existsSync(built)) return secantus(built);
  }
  say(`no MongoDB here; installing SecantusDB into ${cache}, once`);
  mkdirSync(cache, { recursive: true });
  const venv = join(cache, 'secantus-py');
  const isInstalled =
    runs('python3', ['-m', 'venv', venv]) &&
    runs(join(venv, 'bin', 'pip'), ['install', '--quiet', 'secantusdb']);
  return isInstalled && existsSync(installed) ? secantus(installed) : null;
}
