import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const NS_PER_MS = 1e6;

/**
 * Milliseconds of CPU that a process has used so far, all of its threads together, as the kernel's scheduler counted
 * them: unlike the time on the clock, that hardly depends on what else the machine does.
 */
export const cpuOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + scheduled(pid, Number(thread)).ran, 0);

/** The same of its main thread alone. */
export const mainCpuOf = (pid: number): number => scheduled(pid, pid).ran;

/**
 * Milliseconds that the main thread of a process was ready to run and had no processor: how busy the machine was with
 * other things, and with the process's own threads.
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
  /** The most that was resident since the last `forgetPeak`. */
  readonly peak: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { rss: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}

export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** CPU milliseconds that an action takes in this process, its threads included. */
export async function ownCpu(action: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
