/** Ends with an explanation where the project is not compiled yet; programs that do not compile by themselves begin with it. */

import { existsSync } from 'node:fs';

if (!existsSync('dist/src/main.js')) {
  process.stderr.write('Nothing is compiled yet: run `npm run build` first.\n');
  process.exit(1);
}
