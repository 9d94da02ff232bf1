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

it('refuses a call where as many of its kind wait as may, and takes the next one once a place is free', async () => {
  const ends: (() => void)[] = [];
  const run = limitConcurrencyEach(
    2,
    (caller: string) => caller,
    () => new Promise<void>((end) => ends.push(end)),
    3,
  );
  const calls = Array.from({ length: 5 }, () => run('a'));
  await expect(run('a')).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
  calls.push(run('b'));
  await new Promise(setImmediate);
  ends.shift()?.();
  await calls[0];
  calls.push(run('a'));
  await expect(run('a')).rejects.toMatchObject({ code: 'rate_limited' });
  for (let turn = 0; turn < calls.length; turn++) {
    await new Promise(setImmediate);
    for (const end of ends.splice(0)) end();
  }
  await Promise.all(calls);
});
