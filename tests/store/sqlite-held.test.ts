import { expect, it } from '@jest/globals';
import { register, save } from '../contracts/store/harness.js';
import { temporaryDirectory } from '../support/teardown.js';
import { addresses } from '../support/updates.js';
import { openStore } from './directory.js';

const HELD = 10_000;
const SAMPLES = 60;

it('10,000 held updates do not slow the taking in of others', async () => {
  const store = await openStore(temporaryDirectory());
  await register(store, { fileId: 'f', batches: ['b'] });
  let saved = 0;
  /** The middle one of so many saves, in milliseconds: a few are slow on a busy machine, whatever is held. */
  const pace = async () => {
    const times: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      const list = addresses(++saved);
      const from = performance.now();
      await save(store, { batchId: 'b', emails: list });
      times.push(performance.now() - from);
    }
    return times.sort((a, b) => a - b)[SAMPLES / 2] ?? 0;
  };
  const before = await pace();
  const holding = Array.from({ length: HELD }, (_, i) =>
    save(store, { batchId: `held ${i}`, emails: addresses(10, `of ${i}`) }),
  );
  const during = await pace();
  await Promise.all(holding);
  expect((await store.held()).updates).toBe(HELD);
  const after = await pace();
  process.stderr.write(`a save: ${before.toFixed(1)} ms, ${after.toFixed(1)} ms with ${HELD} held\n`);
  expect(after).toBeLessThan(before * 5 + 5);
  // While they come in, a save shares its commit with them.
  expect(during).toBeLessThan(1_000);
});
