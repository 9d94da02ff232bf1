/**
 * A process of its own with the store of a directory: says `open` or why it cannot, then saves list after list and says
 * how long the last one that is safe was, until it is killed.
 */

import { VALIDATOR } from '../../src/domain/ownership.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { addresses, update } from '../support/updates.js';

const [directory = '', what] = process.argv.slice(2);
const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const store = await SqliteStore.open({
    directory,
    heldTtlMs: 3_600_000,
    maxHeldBytes: 2 ** 26,
    deadLetterTtlMs: 3_600_000,
    maxDeadLetterBytes: 2 ** 26,
  });
  say({ open: true });
  if (what === 'write') {
    for (
      let saved = ((await store.results.page({ fileId: 'f1', page: 1, limit: 1 }))?.total ?? 0) + 1;
      ;
      saved++
    ) {
      await store.updates.save(update({ batchId: 'b1', fileId: 'f1', emails: addresses(saved) }), VALIDATOR);
      say({ saved });
    }
  }
  process.stdin.resume();
} catch (error) {
  const { name, message, exitCode } = error as Error & { exitCode?: number };
  say({ name, message, exitCode });
}
