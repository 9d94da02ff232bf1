/** Finds a Chromium on this machine. */
import { findOnPath, isExecutable } from './on-path.js';

/** Without the sandbox, for containers run as root; without /dev/shm, which is tiny in many of them. */
export const IN_CONTAINERS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
/** The same engine without what draws windows, for two thirds of the CPU. */
const SHELL = 'chromium-headless-shell';

/** The browser's path: `CHROMIUM_PATH`, or the first Chromium on the PATH. `mayBeShell`: the shell, where there is one. */
export function findChromium({ mayBeShell = false } = {}): string | undefined {
  const told = process.env.CHROMIUM_PATH;
  if (told !== undefined && isExecutable(told)) return told;
  return findOnPath(mayBeShell ? [SHELL, ...BROWSERS] : BROWSERS);
}
