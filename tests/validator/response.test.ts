/** Large answers of the validator are read in turns of the event loop, and what they may hold has limits. */
import { expect, it } from '@jest/globals';
import { readResponse } from '../../src/validator/response.js';
import { plainResults } from '../support/results.js';
import { Turns } from '../support/turns.js';

const COUNT = 20_000;
const ids = Array.from({ length: COUNT }, (_, n) => `batch ${n}`);
const results = plainResults('a', COUNT);

/** What is read of an answer, and how many turns others had meanwhile. */
async function read(answer: string | object, totalEmails: number) {
  const turns = new Turns();
  try {
    const bytes = Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer));
    return { ...(await readResponse(bytes, totalEmails)), turns: turns.count };
  } finally {
    turns.stop();
  }
}

it('reads many batches, and the results of one, with turns for others in between', async () => {
  const several = await read({ requestId: 'r', batchIds: ids }, COUNT);
  expect(several).toMatchObject({ requestId: 'r', batchIds: ids, update: null });
  const one = await read({ batchId: 'b', status: 'completed', results, more: results }, COUNT);
  expect(JSON.parse(one.update ?? '')).toEqual({
    batchId: 'b',
    isComplete: true,
    totalEmails: COUNT,
    processedCount: COUNT,
    validatedEmails: results,
  });
  for (const { turns } of [several, one]) expect(turns).toBeGreaterThan(COUNT / 1_000);
});

it.each([
  ['too many values', `{"batchId":"b","results":null,"more":[${'{},'.repeat(1_500_000)}1]}`],
  [
    'a result of too many values',
    `{"batchId":"b","results":[{"email":"a@b","details":[${'1,'.repeat(50_000)}1]}]}`,
  ],
  ['no results', `{"batchId":"b","status":"completed","results":[${'1,'.repeat(20_000)}1]}`],
  ['no list of batches', '{"requestId":"r","batchIds":[]}'],
  ['a batch twice', '{"requestId":"r","batchIds":["a","a"]}'],
  ['batches that are no ids', `{"requestId":"r","batchIds":["a","${'x'.repeat(1_000)}"]}`],
  ['a list', '[]'],
])('takes no answer with %s', async (_, answer) => {
  await expect(read(answer, 100_000)).rejects.toMatchObject({
    code: 'validator_unavailable',
    outcome: 'lost',
  });
});
