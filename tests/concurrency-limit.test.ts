import { expect, it } from '@jest/globals';
import { limitConcurrency, limitConcurrencyEach } from '../src/concurrency-limit.js';

it('lets callers take turns, where each has one call in the queue that all share', async () => {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const ofAll = limitConcurrency(1, (_caller: string, work: string) => {
    begun.push(work);
    return new Promise<void>((end) => ends.push(end));
  });
  const run = limitConcurrencyEach(1, (caller) => caller, ofAll);
  const calls = ['a1', 'a2', 'a3', 'b1', 'b2'].map((work) => run(work.charAt(0), work));
  for (let turn = 0; turn < calls.length; turn++) {
    await new Promise(setImmediate);
    ends.shift()?.();
  }
  await Promise.all(calls);
  expect(begun).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
});
