import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { type Message, Producer } from '../support/producer.js';
import { runProgram } from '../support/program.js';
import { describeWithPython } from '../support/redis-py.js';
import { plainClient } from '../support/redis-server.js';
import { streamFor } from '../support/streams.js';
import { retry, Signal } from '../support/wait.js';

const ADDRESSES = ['jane@example.com', 'plain', '', ' b@x.org', 'jürgen@x', '🙂', 'a@x'];

/** A gateway accepts the messages and has the expected file. */
async function takenIn(texts: readonly string[]): Promise<void> {
  const producer = new Producer((await startTestGateway()).url);
  for (const text of texts) {
    expect(await producer.call('POST', '/api/updates', text)).toMatchObject({ body: { outcome: 'applied' } });
  }
  const body = await retry(async () => {
    const { body } = await producer.get('/api/files/f');
    expect(body).toMatchObject({ stats: { status: 'completed', progress: { processed: ADDRESSES.length } } });
    return body;
  });
  const { emails } = body.emails as { emails: { email: string }[] };
  expect(emails.map(({ email }) => email)).toEqual(ADDRESSES);
}

const counts = (texts: readonly string[]): unknown[] =>
  texts.map((text) => {
    const { processedCount, isComplete } = JSON.parse(text) as Message;
    return [processedCount, isComplete];
  });

describeWithPython('the producer in Python', (python, start) => {
  test('publishes updates that a gateway accepts', async () => {
    const server = await start();
    const listener = plainClient(server.url);
    const heard: string[] = [];
    const signal = new Signal();
    await listener.subscribe('email_validation_results');
    listener.on('message', (_channel, message) => {
      heard.push(message);
      signal.changed();
    });
    const env = { REDIS_URL: server.url, FILE_ID: 'f' };
    const ended = await runProgram(python, ['examples/producer.py', 'b1', ...ADDRESSES], env);
    expect(ended).toEqual({ code: 0, out: '5 of 7\n7 of 7\n', err: '' });
    await signal.until(
      () => heard.length === 2,
      () => `${heard.length} messages`,
    );
    expect(counts(heard)).toEqual([
      [5, false],
      [7, true],
    ]);
    expect(await plainClient(server.url).get('validation_results:b1')).toBe(heard[1]);
    await takenIn(heard);
  });

  test('appends updates to the stream that a gateway accepts', async () => {
    const server = await start();
    const env = { REDIS_URL: server.url, FILE_ID: 'f' };
    const ended = await runProgram(python, ['examples/producer.py', '--stream', 'b1', ...ADDRESSES], env);
    expect([ended.code, ended.err]).toEqual([0, '']);
    const entries = await plainClient(server.url).xrange('email_validation_results:stream', '-', '+');
    expect(entries.map(([, fields]) => fields.filter((_, index) => index % 2 === 0))).toEqual([
      ['data'],
      ['data'],
    ]);
    await takenIn(entries.map(([, [, text = '']]) => text));
  });

  test('splits its updates by their batch, as the gateways and the other producers do', async () => {
    const server = await start();
    const client = plainClient(server.url);
    const env = { REDIS_URL: server.url, STREAM_SHARDS: '5' };
    for (const batchId of ['b1', 'bätch 2']) {
      const ended = await runProgram(
        python,
        ['examples/producer.py', '--stream', batchId, ...ADDRESSES],
        env,
      );
      expect([ended.code, ended.err]).toEqual([0, '']);
      const stream = streamFor(batchId, 5);
      expect(await client.xlen(stream)).toBe(2);
      await client.del(stream);
    }
  });

  test('explains its arguments', async () => {
    const { code, err } = await runProgram(python, ['examples/producer.py']);
    expect([code, err]).toEqual([64, expect.stringContaining('python examples/producer.py BATCH_ID')]);
  });
});
