import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { Backpressure } from '../../src/realtime/backpressure.js';
import type { ClientSocket } from '../../src/realtime/server-types.js';
import { UnreadAnswers } from '../../src/unread-answers.js';

test('what waits for a socket is not added up for each of a thousand events in a turn', () => {
  let looks = 0;
  const packet = {
    get data() {
      looks++;
      return 'x';
    },
  };
  const conn = { writeBuffer: Array.from({ length: 50 }, () => packet) };
  const socket = { conn, id: 's1', data: {} } as unknown as ClientSocket;
  const backpressure = new Backpressure(
    { maxBufferedBytes: 1_000, unread: new UnreadAnswers(1_000) },
    createMetrics(),
    createLogger('silent'),
  );
  for (let event = 0; event < 1_000; event++) expect(backpressure.mayWrite(socket)).toBe(true);
  // Once in 100 ms, which the loop does not take, or not many times.
  expect(looks).toBeLessThan(50 * 20);
});

test('answers that wait are counted for their callers, until they were read or their connection is closed', () => {
  const unread = new UnreadAnswers(250_000);
  const backpressure = new Backpressure(
    { maxBufferedBytes: 1_000_000, unread },
    createMetrics(),
    createLogger('silent'),
  );
  const ended: string[] = [];
  const answered = (id: string, waiting: number, readyState = 'open') => {
    const conn = Object.assign(new EventEmitter(), {
      readyState,
      writeBuffer: [{ data: 'x'.repeat(waiting) }],
      close: () => ended.push(id),
    });
    const data = { caller: 'sub a', subscriptions: { end: () => undefined } };
    backpressure.answered({ conn, id, data } as unknown as ClientSocket);
    return conn;
  };
  for (let n = 0; n < 10; n++) answered(`small ${n}`, 60_000);
  answered('closed before its answer', 240_000, 'closed');
  const [closed, read] = [answered('closed', 100_000), answered('read', 100_000)];
  // What waits for it still does, until its peer completes the closing.
  closed.emit('close');
  read.writeBuffer.pop();
  answered('third', 100_000);
  answered('fourth', 100_000);
  expect(ended).toEqual([]);
  answered('fifth', 100_000);
  expect(ended).toEqual(['third']);
});
