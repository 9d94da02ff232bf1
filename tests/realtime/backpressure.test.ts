import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { Backpressure } from '../../src/realtime/backpressure.js';
import type { ClientSocket } from '../../src/realtime/server-types.js';

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
  const backpressure = new Backpressure({ maxBufferedBytes: 1_000 }, createMetrics(), createLogger('silent'));
  for (let event = 0; event < 1_000; event++) expect(backpressure.mayWrite(socket)).toBe(true);
  // Once in 100 ms, which the loop does not take, or not many times.
  expect(looks).toBeLessThan(50 * 20);
});
