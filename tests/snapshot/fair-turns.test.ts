import { expect, it } from '@jest/globals';
import { FairTurns } from '../../src/snapshot/fair-turns.js';

/** Work that ends when the test says so; `begun` has the keys in the order in which their turns came. */
function stage() {
  const turns = new FairTurns<string>();
  const begun: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const ask = (caller: string, key: string) =>
    turns.run(caller, key, () => {
      begun.push(key);
      return new Promise((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    });
  const endOne = async (error?: Error) => {
    ends.shift()?.(error);
    await new Promise(setImmediate);
  };
  return { ask, begun, endOne };
}

it('does one work at a time, and lets callers take turns', async () => {
  const { ask, begun, endOne } = stage();
  for (const key of ['a1', 'a2', 'a3']) void ask('a', key);
  for (const key of ['b1', 'b2']) void ask('b', key);
  expect(begun).toEqual(['a1']);
  for (let turn = 0; turn < 5; turn++) await endOne();
  expect(begun).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  void ask('a', 'a1');
  expect(begun.at(-1)).toBe('a1');
});

it('does work once that several wait for, in the first turn of any of them', async () => {
  const { ask, begun, endOne } = stage();
  void ask('a', 'a1');
  void ask('a', 'a2');
  const [slow, quick] = [ask('a', 'common'), ask('b', 'common')];
  await endOne();
  expect(begun).toEqual(['a1', 'common']);
  await endOne();
  await Promise.all([slow, quick]);
  await endOne();
  expect(begun).toEqual(['a1', 'common', 'a2']);
});

it('goes on after work that failed, for which its callers get the failure', async () => {
  const { ask, begun, endOne } = stage();
  const failing = ask('a', 'a1');
  const next = ask('b', 'b1');
  await endOne(new Error('no'));
  await expect(failing).rejects.toThrow('no');
  await endOne();
  await next;
  expect(begun).toEqual(['a1', 'b1']);
});
