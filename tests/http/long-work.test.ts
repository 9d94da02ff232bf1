import { expect, it } from '@jest/globals';
import { LongWork } from '../../src/http/long-work.js';

const TAKES_LONGER = { name: 'Fault', code: 'unavailable', retryAfterSeconds: 1 };
const always = async () => true;

/** Work that ends when the test says so. */
function stage(answerWithinMs = 5) {
  const works = new LongWork<string>(answerWithinMs);
  const ends: { resolve: (result: string) => void; reject: (error: Error) => void }[] = [];
  const begin = () => new Promise<string>((resolve, reject) => ends.push({ resolve, reject }));
  const ask = (key = 'one', isStillTrue: (result: string) => Promise<boolean> = always) =>
    works.run(key, begin, isStillTrue);
  return { ask, ends };
}

it('goes on after its caller was told to come back, and is joined by the same request', async () => {
  const { ask, ends } = stage();
  await expect(ask()).rejects.toMatchObject(TAKES_LONGER);
  await expect(ask()).rejects.toMatchObject(TAKES_LONGER);
  expect(ends).toHaveLength(1);
  const third = ask();
  ends[0]?.resolve('done');
  expect(await third).toBe('done');
});

it('keeps its result for the caller who was told to come back', async () => {
  const { ask, ends } = stage();
  await expect(ask()).rejects.toMatchObject(TAKES_LONGER);
  ends[0]?.resolve('done');
  await new Promise(setImmediate);
  expect(await ask()).toBe('done');
  expect(ends).toHaveLength(1);
});

it('begins again where the result is not true any more', async () => {
  const { ask, ends } = stage();
  await expect(ask()).rejects.toMatchObject(TAKES_LONGER);
  ends[0]?.resolve('done');
  const again = ask('one', async () => false);
  await new Promise(setImmediate);
  ends[1]?.resolve('done again');
  expect(await again).toBe('done again');
});

it('forgets a result that every caller has waited for', async () => {
  const { ask, ends } = stage(5_000);
  for (const result of ['first', 'second']) {
    const [one, other] = [ask(), ask()];
    ends.at(-1)?.resolve(result);
    expect(await Promise.all([one, other])).toEqual([result, result]);
  }
  expect(ends).toHaveLength(2);
});

it('does not keep a failure, and does not mix works', async () => {
  const { ask, ends } = stage();
  await expect(ask()).rejects.toMatchObject(TAKES_LONGER);
  ends[0]?.reject(new Error('no'));
  await new Promise(setImmediate);
  await expect(ask()).rejects.toMatchObject(TAKES_LONGER);
  await expect(ask('another')).rejects.toMatchObject(TAKES_LONGER);
  expect(ends).toHaveLength(3);
});
