/** What tests start hundreds of times, as it is compiled, and the file into which it is bundled. */
import { fileURLToPath } from 'node:url';

const pathOf = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

export const GATEWAY = { compiled: pathOf('src/main.js'), bundle: pathOf('bundles/gateway.cjs') };
export const COMMAND_LINE = { compiled: pathOf('src/cli/main.js'), bundle: pathOf('bundles/cli/main.js') };
/** The thread of SQLite. */
export const THREAD = {
  compiled: pathOf('src/store/sqlite/thread/thread.js'),
  bundle: pathOf('bundles/sqlite-thread.cjs'),
};
