import { expect, it } from '@jest/globals';
import { RunningLimit } from '../../src/http/running-limit.js';

it('leaves places to others, however many a few callers ask for', () => {
  const limit = new RunningLimit({ what: 'exports', ofCaller: ['MAX_EACH', 8], ofAll: ['MAX_ALL', 16] });
  const ends: (() => void)[] = [];
  const takeAll = (caller: string): number => {
    for (let taken = 0; ; taken++) {
      try {
        ends.push(limit.begin(caller));
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited' });
        return taken;
      }
    }
  };
  expect(['a', 'b', 'c', 'd', 'e'].map(takeAll)).toEqual([8, 4, 2, 1, 1]);
  expect(takeAll('a')).toBe(0);
  for (const end of ends) end();
  expect(takeAll('f')).toBe(8);
});
