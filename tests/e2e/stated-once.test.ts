import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { type Message, message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';

// Of updates that overtake each other only the newest list is stored. Facts that only one update states must not get
// lost.

test('the number of batches, in one of many messages at once', async () => {
  const { url } = await startTestGateway();
  const producer = new Producer(url);
  const results = plainResults('jane', 60);
  const messages = results.map((_, index) =>
    message('b', results, { upTo: index + 1, fileId: 'f', ...(index === 30 && { totalBatches: 3 }) }),
  );
  await Promise.all(messages.map((one) => producer.update(one)));
  await producer.update(message('b', results, { isComplete: true, fileId: 'f' }));
  await producer.call('POST', '/api/files/f/batches/b/fail', { reason: 'only to have its stats announced' });
  expect((await producer.get('/api/files/f/stats')).body).toMatchObject({
    status: 'processing',
    batches: { total: 3, completed: 1 },
  });
});

test('the size of a batch whose producer fails, before its registration and after it', async () => {
  const { url } = await startTestGateway();
  const producer = new Producer(url);
  const results = plainResults('jane', 7);
  const play = async (fileId: string, isEarly: boolean) => {
    const { totalEmails, ...failing } = message(fileId, results, { failed: true, error: 'no worker' });
    const messages: Message[] = [message(fileId, results, { upTo: 5, total: 10 }), failing];
    const register = () => producer.register(fileId, { batches: [{ batchId: fileId }] });
    if (!isEarly) await register();
    for (const one of messages) await producer.update(one);
    if (isEarly) await register();
    const { body } = await producer.call('POST', `/api/files/${fileId}/batches/${fileId}/fail`, {
      reason: 'done',
    });
    return body;
  };
  const expected = { status: 'failed', progress: { total: 10, processed: 7, skipped: 0, percentage: 70 } };
  expect(await play('registered before', false)).toMatchObject(expected);
  expect(await play('registered after', true)).toMatchObject(expected);
});
