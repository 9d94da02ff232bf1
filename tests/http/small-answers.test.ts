/** Answers of a size that the system takes at once: they count where a client has left so much unread that it does not. */
import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import { expect, jest, test } from '@jest/globals';
import type { Response } from 'express';
import { endUnread } from '../../src/http/end-unread.js';
import { LargeAnswers } from '../../src/http/large-answers.js';
import { UnreadAnswers } from '../../src/unread-answers.js';
import { startApp } from './harness.js';

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

test('a connection that reads slowly does not end, until it reads nothing more', () => {
  jest.useFakeTimers();
  const handle = { writeQueueSize: 10 };
  const res = Object.assign(new StubResponse(10), { socket: { bytesWritten: 1_000, _handle: handle } });
  endUnread(res as unknown as Response, 1_000);
  for (; handle.writeQueueSize > 0; handle.writeQueueSize--) jest.advanceTimersByTime(900);
  expect(res.isDestroyed).toBe(false);
  jest.advanceTimersByTime(2_000);
  expect(res.isDestroyed).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

test('files of the page that are not read end their connection', async () => {
  const app = await startApp({ config: { EXPORT_IDLE_MS: 50 } });
  const closed = new Promise<void>((resolve) =>
    app.server.once('connection', (tcp) => tcp.once('close', () => resolve())),
  );
  const client = connect(Number(new URL(app.url).port), '127.0.0.1');
  client.on('error', () => undefined).pause();
  // More than the system keeps of a connection.
  client.write('GET /client/file-listener.js HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_000));
  await closed;
  client.destroy();
});
