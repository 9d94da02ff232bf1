/** Finds a Chromium on this machine. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Without the sandbox, for containers run as root; without /dev/shm, which is tiny in many of them. */
export const IN_CONTAINERS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The browser's path: `CHROMIUM_PATH`, or the first Chromium on the PATH. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [process.env.CHROMIUM_PATH, ...candidates].find((path) => path !== undefined && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
