import { describe, expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { type Message, message, Producer } from '../support/producer.js';
import { reruns } from '../support/reruns.js';
import { plainResults } from '../support/results.js';
import { startListener } from './listening.js';

describe('the example listener ends with the stored results after a batch', () => {
  test.each(Object.entries(reruns))('%s', async (_, messages) => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '5' });
    const producer = new Producer(url);
    await producer.register('f', { batches: [{ batchId: 'b' }, { batchId: 'the end' }] });
    const listener = startListener(process.execPath, ['dist/examples/listener.js', 'f'], url);
    // The listener is subscribed when it reports the first message. What came earlier is in its snapshot.
    const [first, ...others] = messages as readonly [Message, ...Message[]];
    await producer.update(first);
    await listener.until('processing');
    for (const said of others) await producer.update(said);
    await producer.update(message('the end', plainResults('z', 1), { isComplete: true }));
    const { code, out } = await listener.ended();
    expect(code).toBe(0);
    const held = out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const page = await producer.get('/api/files/f/emails?limit=500');
    const stored = (page.body.emails as Record<string, unknown>[]).map(
      ({ batchId, position, status, email }) => ({ batchId, position, status, email }),
    );
    const sorted = (list: Record<string, unknown>[]) => list.map((entry) => JSON.stringify(entry)).sort();
    expect(sorted(held)).toEqual(sorted(stored));
    expect(stored.length).toBeGreaterThan(1);
  });
});
