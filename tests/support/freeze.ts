/** Processes that hang: stopped in the middle of whatever they do, their connections open. */

import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.js';

/**
 * Stops a process. On a busy machine some of its threads go on for a while after the signal, so all of them are waited for
 * where the system tells of them.
 * @returns a function that lets it go on
 */
export async function freeze(child: ChildProcess | undefined): Promise<() => void> {
  child?.kill('SIGSTOP');
  const threads = `/proc/${child?.pid}/task`;
  if (existsSync(threads)) {
    await eventually('each thread stands still', () =>
      readdirSync(threads).every((id) => isStopped(`${threads}/${id}`)),
    );
  }
  return () => void child?.kill('SIGCONT');
}

/** The state of a thread is the first word behind its name, which is in parentheses and may hold any other character. */
function isStopped(thread: string): boolean {
  try {
    const stat = readFileSync(`${thread}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'T';
  } catch {
    // It has ended meanwhile.
    return true;
  }
}
