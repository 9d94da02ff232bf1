import { expect, test } from '@jest/globals';
import { UnreadAnswers } from '../src/unread-answers.js';

/** Answers of 40 bytes each, of 100 that may wait. */
function stage() {
  const unread = new UnreadAnswers(100);
  const ended: string[] = [];
  const answers = new Map<string, { left: number }>();
  const add = (name: string, caller: string) => {
    const answer = { left: 40 };
    answers.set(name, answer);
    unread.add(answer, { caller, bytes: () => answer.left, end: () => ended.push(name) });
    return answer;
  };
  return { unread, ended, add };
}

test('beyond the limit the answer of the caller with the most that has been idle for the longest ends', () => {
  const { unread, ended, add } = stage();
  add('other', 'b');
  const first = add('first', 'a');
  unread.hasRead(first);
  add('second', 'a');
  expect(ended).toEqual(['first']);
  unread.hasRead(first);
  add('another', 'b');
  expect(ended).toEqual(['first', 'other']);
  // The newest one is its caller's only one: another one ends.
  add('of a third', 'c');
  expect(ended).toHaveLength(3);
  expect(ended).not.toContain('of a third');
});

test('a caller who has read some of an answer keeps it before one who has not', () => {
  const { unread, ended, add } = stage();
  const first = add('first', 'a');
  add('second', 'a');
  unread.hasRead(first);
  add('third', 'a');
  expect(ended).toEqual(['second']);
});

test('progress is seen where a buffer is freed as a whole', () => {
  const { unread, ended, add } = stage();
  let left = 40;
  const large = { caller: 'a', bytes: () => 40, left: () => left, end: () => ended.push('large') };
  unread.add({}, large);
  add('second', 'a');
  left = 10;
  add('third', 'a');
  expect(ended).toEqual(['second']);
});

test('what was read meanwhile is not counted, whether that was said or is found out', () => {
  const { unread, ended, add } = stage();
  unread.remove(add('first', 'a'));
  const second = add('second', 'a');
  add('third', 'a');
  expect(ended).toEqual([]);
  second.left = 0;
  add('fourth', 'a');
  expect(ended).toEqual([]);
});

test('an answer that nothing is left of is not kept', () => {
  const { unread, add } = stage();
  let looks = 0;
  const bytes = () => {
    looks++;
    return 0;
  };
  unread.add({}, { caller: 'a', bytes, end: () => undefined });
  for (const name of ['first', 'second', 'third']) add(name, 'a');
  expect(looks).toBe(1);
});

test('one answer alone may be larger than the limit', () => {
  const unread = new UnreadAnswers(10);
  unread.add({}, { caller: 'a', bytes: () => 40, end: () => expect('ended').toBe('left alone') });
});
