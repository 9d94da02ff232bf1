/** Finds or installs Python with redis-py for the tests of the Python example. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describeWhere, isRequired } from './describe-where.js';
import { describeWithOwnRedis } from './redis-server.js';

const REASON = 'python3 with redis-py is not there (pip install redis)';
const VERSION = '6.4.0';
const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'verigate', 'redis-py');
const own = join(folder, 'bin', 'python');

const succeeds = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const hasRedis = (python: string): boolean => succeeds(python, ['-c', 'import redis']);

/**
 * The machine's Python if it has redis-py, else one in the cache, which is set up once when tests must not be skipped.
 */
function findPython(): string | null {
  if (hasRedis('python3')) return 'python3';
  if (existsSync(own) && hasRedis(own)) return own;
  if (!isRequired || !succeeds('python3', ['-m', 'venv', folder])) return null;
  succeeds(own, ['-m', 'pip', 'install', '--quiet', `redis==${VERSION}`]);
  return hasRedis(own) ? own : null;
}

/** Tests that need Python with redis-py and a Redis. Without them they are skipped with a message. */
export function describeWithPython(
  name: string,
  tests: (python: string, start: Parameters<Parameters<typeof describeWithOwnRedis>[1]>[0]) => void,
): void {
  const python = findPython();
  if (python !== null) describeWithOwnRedis(name, (start) => tests(python, start));
  else {
    const none = () => tests('', () => Promise.reject(new Error(REASON)));
    describeWhere(false, REASON, name, none);
  }
}
