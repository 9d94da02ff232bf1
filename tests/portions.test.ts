import { expect, test } from '@jest/globals';
import { TurnLimit } from '../src/portions.js';
import { Turns } from './support/turns.js';

/** The turn in which each caller may continue, by what it is about to do. */
async function turnsOf(perTurn: number, amounts: readonly number[]): Promise<number[]> {
  const limit = new TurnLimit(perTurn);
  const passed = new Turns();
  const turns = await Promise.all(amounts.map((amount) => limit.wait(amount).then(() => passed.count)));
  passed.stop();
  const [first = 0] = turns;
  return turns.map((turn) => turn - first);
}

test('a turn has as many callers as its work allows, in order, and a large one has a turn', async () => {
  expect(await turnsOf(2, [1, 1, 1, 1, 1])).toEqual([0, 0, 1, 1, 2]);
  expect(await turnsOf(10, [4, 4, 4, 100, 1, 1, 0])).toEqual([0, 0, 0, 1, 2, 2, 2]);
});
