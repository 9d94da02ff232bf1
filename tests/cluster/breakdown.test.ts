import { expect, test } from '@jest/globals';
import { describeCluster, startGateways } from '../support/cluster.js';
import { message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';

const at = (domain: string, count: number) =>
  plainResults('joe', count).map((result, n) => ({ ...result, email: `joe${n}@${domain}` }));

describeCluster('domains of a file that changes after its end', (newEnv) => {
  test('are counted again, at whichever gateway', async () => {
    const urls = (await startGateways(2, newEnv())).map(({ url }) => url);
    const producer = new Producer(urls[0] ?? '');
    const counted = async () => {
      const answers = urls.map((url) => new Producer(url).get('/api/files/f/breakdown?by=domain'));
      return (await Promise.all(answers)).map(({ body }) => {
        const items = body.items as { value: string; count: number }[];
        return [body.complete, ...items.map(({ value, count }) => `${value} ${count}`)];
      });
    };
    await producer.update(message('b', at('first.example', 2), { fileId: 'f', isComplete: true }));
    expect(await counted()).toEqual([
      [true, 'first.example 2'],
      [true, 'first.example 2'],
    ]);
    const more = [...at('first.example', 2), ...at('second.example', 3)];
    expect(await producer.update(message('b', more, { fileId: 'f', isComplete: true }))).toBe('applied');
    expect(await counted()).toEqual([
      [true, 'second.example 3', 'first.example 2'],
      [true, 'second.example 3', 'first.example 2'],
    ]);
  });
});
