import { readFileSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LOOK_EVERY_MS = 500;

/** Fires when the program is to end: by a signal, or because nobody is there any more who could send one. */
export function stopSignal(onSecond: () => void = () => process.exit(130)): AbortSignal {
  const stop = new AbortController();
  const ask = () => {
    if (stop.signal.aborted) onSecond();
    else stop.abort();
  };
  for (const signal of SIGNALS) process.on(signal, ask);
  // Whoever read the output has gone, `| head` for one.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stop.abort());
  if (process.env.npm_lifecycle_event !== undefined) followParents(() => stop.abort());
  return stop.signal;
}

/**
 * A shell between npm and this program neither passes on the signal that ends npm nor ends with it. Looked at only under
 * npm: whoever starts the program itself in the background may want it to outlive the shell.
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

/** The shell, and npm behind it where the system tells. */
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
