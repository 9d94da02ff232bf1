/**
 * A process of its own with the store of a directory: says `open` or why it cannot, then saves list after list and says
 * how long the last one that is safe was, until it is killed. With `rewrite` each long list takes the place of the one before:
 * says which one is safe, and when a portion goes to the writing thread.
 */

import { Worker } from 'node:worker_threads';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import { addresses, update } from '../support/updates.js';
import { longList } from './marked.js';

const [directory = '', what, first] = process.argv.slice(2);
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
  if (what === 'rewrite') {
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (message, ...rest) {
      if ((message as { operation?: string }).operation === 'longLists.add') say({ portion: true });
      postMessage.call(this, message, ...rest);
    };
    for (let saved = Number(first); ; saved++) {
      const said = { batchId: 'b1', fileId: 'f1', emails: longList(saved), processedCount: saved };
      await store.updates.save(update(said), VALIDATOR);
      say({ saved });
    }
  }
  process.stdin.resume();
} catch (error) {
  const { name, message, exitCode } = error as Error & { exitCode?: number };
  say({ name, message, exitCode });
}
