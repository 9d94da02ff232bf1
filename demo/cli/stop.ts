/** Detects when a command-line program must stop. */
import { readFileSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LOOK_EVERY_MS = 500;
/** In a terminal Ctrl-C reaches npm and this program, and npm forwards it: within this time signals are one. */
const ONE_SIGNAL_MS = 1_000;

/**
 * Fires at a signal, when the output is closed, or when npm and its shell are gone: no signal could come after that.
 */
export function stopSignal(onSecond: () => void = () => process.exit(130)): AbortSignal {
  const stop = new AbortController();
  let stoppingSince: number | null = null;
  const begin = () => {
    stoppingSince ??= performance.now();
    stop.abort();
  };
  const ask = () => {
    if (stoppingSince !== null && performance.now() - stoppingSince >= ONE_SIGNAL_MS) onSecond();
    else begin();
  };
  for (const signal of SIGNALS) process.on(signal, ask);
  // The reader of the output is gone, for example with `| head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', begin);
  if (process.env.npm_lifecycle_event !== undefined) followParents(begin);
  return stop.signal;
}

/**
 * The shell between npm and this program neither forwards the signal that ends npm nor ends with it. So under npm, and
 * only there, the parents are watched: a program started in the background may outlive its shell.
 */
function followParents(onGone: () => void): void {
  const before = parents();
  const timer = setInterval(() => {
    if (parents() === before) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS);
  timer.unref();
}

/** The shell's process id, and npm's behind it where the system provides it. */
function parents(): string {
  try {
    // `pid (name) state ppid …`, and the name may hold anything.
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'latin1');
    return `${process.ppid} ${stat.slice(stat.lastIndexOf(')') + 4).split(' ', 1)[0]}`;
  } catch {
    return String(process.ppid);
  }
}

/** Fulfilled when the signal fires. */
export const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
