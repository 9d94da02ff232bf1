/** Thousands of connections that say nothing run out of their time at the same moment. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { checkRequests, GatewayRequest } from '../../src/gateway/request-checks.js';
import { listen } from '../http/harness.js';
import { onTeardown } from '../support/teardown.js';
import { Turns } from '../support/turns.js';

const CONNECTIONS = 400;

test('connections that run out of their time together are answered a few in a turn', async () => {
  const limits = { headersTimeout: 500, requestTimeout: 500, connectionsCheckingInterval: 2_000 };
  const server = createServer({ IncomingMessage: GatewayRequest, ...limits });
  checkRequests(server, { check: () => null, refused: () => undefined, maxPipelined: 10 });
  const passed = new Turns();
  const answeredIn = new Map<number, number>();
  server.on('connection', (socket) => {
    const end = socket.end.bind(socket) as (text?: string) => typeof socket;
    Object.assign(socket, {
      end: (text?: string) => {
        // Node.js ends it without a text once its client has.
        if (text !== undefined) answeredIn.set(passed.count, (answeredIn.get(passed.count) ?? 0) + 1);
        return end(text);
      },
    });
  });
  const port = Number(new URL((await listen(server)).url).port);
  const answers = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1').setEncoding('latin1');
      onTeardown(() => socket.destroy());
      const [answer] = await once(socket, 'data');
      return String(answer).slice(0, 12);
    }),
  );
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 408']));
  expect([...answeredIn.values()].reduce((sum, answered) => sum + answered)).toBe(CONNECTIONS);
  // The first ones are answered in the turn of the next.
  expect(Math.max(...answeredIn.values())).toBeLessThanOrEqual(100);
});
