import { expect, it } from '@jest/globals';
import { listenToFile } from '../../src/client/index.js';
import { startTestGateway } from '../support/gateway.js';
import { open } from '../support/socket.js';
import { onTeardown } from '../support/teardown.js';
import { JWT, tokenOf } from '../support/tokens.js';

const token = (seconds: number) =>
  tokenOf({ sub: 'x', scope: 'read', files: ['f'], exp: Math.floor(Date.now() / 1000) + seconds });

it('a listener brings its token, and another one before it runs out', async () => {
  const { url } = await startTestGateway(JWT);
  const socket = open(url);
  const states: string[] = [];
  let asked = 0;
  const unsubscribed: string[] = [];
  await new Promise<void>((resolve) => {
    const listener = listenToFile(socket, 'f', {
      token: () => {
        if (++asked === 4) resolve();
        return token(2);
      },
      onState: ({ state }) => states.push(state),
      onUnsubscribed: (code) => unsubscribed.push(code),
    });
    onTeardown(() => listener.close());
  });
  expect(states).toEqual(['catching-up', 'live']);
  expect(unsubscribed).toEqual([]);
});

it('a listener comes back with a new token where the end of the old one could not be foreseen', async () => {
  const { url } = await startTestGateway(JWT);
  const socket = open(url);
  const { emit } = socket;
  const seen: string[] = [];
  let refreshes = 0;
  // The first refresh is lost on the way.
  socket.emit = ((event: string, ...args: unknown[]) =>
    event === 'refresh' && ++refreshes === 1
      ? socket
      : Reflect.apply(emit, socket, [event, ...args])) as typeof emit;
  await new Promise<void>((resolve) => {
    const listener = listenToFile(socket, 'f', {
      token: () => token(2),
      onState: ({ state }) => {
        seen.push(state);
        if (seen.includes('token_expired') && state === 'live') resolve();
      },
      onUnsubscribed: (code) => seen.push(code),
    });
    onTeardown(() => listener.close());
  });
  expect(seen).toEqual(['catching-up', 'live', 'stale', 'token_expired', 'catching-up', 'live']);
});
