/** Answers of a size that the system takes at once: they count where a client has left so much unread that it does not. */
import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import type { Response } from 'express';
import { LargeAnswers } from '../../src/http/large-answers.js';
import { UnreadAnswers } from '../../src/unread-answers.js';

class StubResponse extends EventEmitter {
  readonly req = {};
  readonly closed = false;
  isDestroyed = false;

  constructor(readonly writableLength: number) {
    super();
  }

  setHeader(): void {}
  end(): void {}
  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

async function sent(answers: LargeAnswers, waiting: number): Promise<StubResponse> {
  const res = new StubResponse(waiting);
  await answers.send(res as unknown as Response, '{}');
  return res;
}

test('the connection that has read nothing for the longest ends where there is no room', async () => {
  const answers = new LargeAnswers(new UnreadAnswers(2_500), 60_000, () => 'a caller');
  const read = await sent(answers, 0);
  const closed = await sent(answers, 1_000);
  closed.emit('close');
  const all = [await sent(answers, 1_000), await sent(answers, 1_000), await sent(answers, 1_000)];
  expect(all.map(({ isDestroyed }) => isDestroyed)).toEqual([true, false, false]);
  expect([read.isDestroyed, closed.isDestroyed, read.listenerCount('close')]).toEqual([false, false, 0]);
  for (const res of all) res.emit('close');
});

test('a connection that reads nothing ends after a time', async () => {
  const answers = new LargeAnswers(new UnreadAnswers(2_500), 1, () => 'a caller');
  const res = new StubResponse(1_000);
  const ended = new Promise((resolve) => res.once('close', resolve));
  await answers.send(res as unknown as Response, '{}');
  await ended;
  expect(res.isDestroyed).toBe(true);
});
