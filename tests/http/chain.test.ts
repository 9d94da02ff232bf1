import { createServer } from 'node:http';
import { expect, test } from '@jest/globals';
import { chain, type Step } from '../../src/http/chain.js';
import { onTeardown } from '../support/teardown.js';

/** The status that a request gets; null: its connection ends without an answer. */
async function statusOf(steps: readonly Step[], failed: Parameters<typeof chain>[1]): Promise<number | null> {
  const server = createServer(chain(steps, failed));
  onTeardown(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return fetch(`http://127.0.0.1:${port}/`).then(
    ({ status }) => status,
    () => null,
  );
}

const throws: Step = () => {
  throw new Error('thrown');
};
const rejects: Step = () => Promise.reject(new Error('rejected'));
const passes: Step = (_req, _res, next) => next();

test.each([
  ['throws', throws],
  ['rejects', rejects],
])('a step that %s ends the chain', async (_how, step) => {
  const never: Step = () => {
    throw new Error('a step after the failure');
  };
  const status = await statusOf([passes, step, never], (_error, res) => {
    res.writeHead(418).end();
  });
  expect(status).toBe(418);
});

test.each([
  ['throws', throws],
  ['rejects', rejects],
])('the connection ends where a step %s and not even that can be answered', async (_how, step) => {
  const status = await statusOf([step], () => {
    throw new Error('while it is answered');
  });
  expect(status).toBeNull();
});
