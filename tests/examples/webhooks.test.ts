/** The example receivers take what a gateway signs, and nothing else. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWhere } from '../support/describe-where.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { startProgram } from '../support/program.js';
import { plainResults } from '../support/results.js';
import { pythonPackages } from '../support/tool-cache.js';

/** The secret has to be known when the receiver starts, and the webhook needs the receiver's port: it starts twice. */
async function startReceiver(command: string, args: readonly string[], secret: string, port = '0') {
  const program = startProgram(command, args, { WEBHOOK_SECRET: secret, PORT: port });
  const until = (pattern: RegExp) => program.until(({ out, err }) => pattern.test(out + err));
  const { err } = await until(/listening on \d+/);
  const stop = () => {
    program.child.kill('SIGKILL');
    return program.ended;
  };
  return { until, stop, port: /listening on (\d+)/.exec(err)?.[1] ?? '' };
}

async function expectVerified(command: string, args: readonly string[]): Promise<void> {
  const { url } = await startTestGateway({ WEBHOOKS_ALLOW_PRIVATE: 'true' });
  const producer = new Producer(url);
  const first = await startReceiver(command, args, 'whsec_c2VjcmV0c2VjcmV0c2VjcmV0');
  const { body } = await producer.call('POST', '/api/webhooks', { url: `http://127.0.0.1:${first.port}/` });
  await first.stop();
  const receiver = await startReceiver(command, args, String(body.secret), first.port);
  const forged = await fetch(`http://127.0.0.1:${first.port}/`, {
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

test(
  'the receiver in TypeScript verifies what it gets',
  () => expectVerified(process.execPath, ['dist/examples/webhook-receiver.js']),
  60_000,
);

const python = pythonPackages('standardwebhooks', ['standardwebhooks==1.1.0']);
describeWhere(python !== null, 'standardwebhooks is not in the cache', 'the receiver in Python', () => {
  test(
    'verifies what it gets',
    () => expectVerified(join(python ?? '', 'python'), ['examples/webhook_receiver.py']),
    60_000,
  );
});
