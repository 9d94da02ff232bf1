/** When a token is renewed. */
import { expect, jest, test } from '@jest/globals';
import { TokenKeeper } from '../../src/client/token-keeper.js';
import { onTeardown } from '../support/teardown.js';
import { FakeGateway } from './fake-gateway.js';

const MINUTE_MS = 60_000;
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a clock that is ahead of the issuer by more than a token lives asks for one a minute, not without pause', async () => {
  jest.useFakeTimers();
  onTeardown(() => void jest.useRealTimers());
  const gateway = new FakeGateway();
  let issued = 0;
  const issue = () => {
    issued += 1;
    return `h.${encoded({ sub: 'jane', exp: Date.now() / 1000 - 3600 })}.s`;
  };
  gateway.connected = true;
  TokenKeeper.of(gateway, issue);
  await jest.advanceTimersByTimeAsync(0);
  expect(issued).toBe(1);

  const answer = () => gateway.requests.at(-1)?.ack({ ok: true });
  answer();
  await jest.advanceTimersByTimeAsync(MINUTE_MS - 1);
  expect(issued).toBe(1);
  await jest.advanceTimersByTimeAsync(1);
  expect(issued).toBe(2);
});
