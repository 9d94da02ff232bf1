/** CPU and memory of a process, read from Linux's /proc. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const NS_PER_MS = 1e6;

/**
 * CPU milliseconds of a process so far, over all its threads, from the kernel's scheduler. Other load on the machine
 * hardly changes them.
 */
export const cpuOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + scheduled(pid, Number(thread)).ran, 0);

/** CPU milliseconds of its main thread so far. */
export const mainCpuOf = (pid: number): number => scheduled(pid, pid).ran;

/**
 * Milliseconds that the main thread of a process was ready to run and had no processor: how much it was held up by
 * other processes and by its own other threads.
 */
export const waitedForCpu = (pid: number): number => scheduled(pid, pid).waited;

function scheduled(pid: number, thread: number): { ran: number; waited: number } {
  const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
    .split(' ')
    .map(Number);
  return { ran: ran / NS_PER_MS, waited: waited / NS_PER_MS };
}

export interface Memory {
  /** Megabytes resident now. */
  readonly rss: number;
  /** The peak since the last `forgetPeak`. */
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { rss: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}

export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** CPU milliseconds of this process, threads included, while the action runs. */
export async function ownCpu(action: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
