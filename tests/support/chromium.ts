/** Finds a Chromium on this machine. */
import { findOnPath, isExecutable } from './on-path.js';

/** Without the sandbox, for containers run as root; without /dev/shm, which is tiny in many of them. */
export const IN_CONTAINERS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];

/** The browser's path: `CHROMIUM_PATH`, or the first Chromium on the PATH. */
export function findChromium(): string | undefined {
  const told = process.env.CHROMIUM_PATH;
  if (told !== undefined && isExecutable(told)) return told;
  return findOnPath(['chromium', 'chromium-browser', 'google-chrome']);
}
