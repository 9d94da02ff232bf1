/** The example receivers take what a gateway signs, and nothing else. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWhere } from '../support/describe-where.js';
import { freePort } from '../support/free-port.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { startProgram } from '../support/program.js';
import { plainResults } from '../support/results.js';
import { pythonPackages } from '../support/tool-cache.js';

/** @param port the webhook's: its secret has to be known when the receiver starts */
async function startReceiver(command: string, args: readonly string[], secret: string, port: number) {
  const program = startProgram(command, args, { WEBHOOK_SECRET: secret, PORT: String(port) });
  const until = (pattern: RegExp) => program.until(({ out, err }) => pattern.test(out + err));
  await until(/listening on \d+/);
  return { until };
}

async function expectVerified(command: string, args: readonly string[]): Promise<void> {
  const { url } = await startTestGateway({ WEBHOOKS_ALLOW_PRIVATE: 'true' });
  const producer = new Producer(url);
  const port = await freePort();
  const address = `http://127.0.0.1:${port}/`;
  const { body } = await producer.call('POST', '/api/webhooks', { url: address });
  const receiver = await startReceiver(command, args, String(body.secret), port);
  const forged = await fetch(address, {
    method: 'POST',
    headers: {
      'webhook-id': 'forged',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': 'v1,AAAA',
    },
    body: '{"type":"file.completed","data":{"fileId":"f"}}',
  });
  expect(forged.status).toBe(401);
  await producer.update(message('b', plainResults('jane', 2), { fileId: 'f', isComplete: true }));
  const { out } = await receiver.until(/ file\.completed f\n/);
  expect(out).not.toContain('forged');
}

test('the receiver in TypeScript verifies what it gets', () =>
  expectVerified(process.execPath, ['dist/examples/webhook-receiver.js']));

const python = pythonPackages('standardwebhooks', ['standardwebhooks==1.1.0']);
describeWhere(python !== null, 'standardwebhooks is not in the cache', 'the receiver in Python', () => {
  test('verifies what it gets', () =>
    expectVerified(join(python ?? '', 'python'), ['examples/webhook_receiver.py']));
});
