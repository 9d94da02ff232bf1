import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { inParallel, message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import type { Entry } from '../support/tally.js';

interface Page {
  emails: Entry[];
  pagination: { total: number };
}

test('while a file changes, each page shows one state: its rows agree with its total', async () => {
  const { url } = await startTestGateway();
  const producer = new Producer(url);
  const batchIds = Array.from({ length: 60 }, (_, number) => `b${number}`);
  await producer.register('f', { batches: batchIds.map((batchId) => ({ batchId })) });
  let running = true;
  const writing = inParallel(
    batchIds.map((batchId) => async () => {
      const results = plainResults(batchId, 3);
      await producer.update(message(batchId, results, { upTo: 2 }));
      await producer.update(message(batchId, results));
      // A list with a hole: it is shorter and has other positions.
      await producer.update(message(batchId, results.slice(1, 2), { total: 3, isComplete: true }));
    }),
    8,
  ).finally(() => {
    running = false;
  });
  const torn: string[] = [];
  let read = 0;
  const reader = async (query: string) => {
    while (running) {
      const { emails, pagination } = (await producer.get(`/api/files/f/emails?limit=500&${query}`))
        .body as unknown as Page;
      read++;
      const places = new Set(emails.map(({ batchId, position }) => `${batchId} ${position}`));
      if (emails.length !== pagination.total || places.size !== emails.length)
        torn.push(`${query}: ${emails.length} results, ${places.size} places, total ${pagination.total}`);
    }
  };
  await Promise.all(['', 'status=risky', 'email=b1', ''].map(reader));
  await writing;
  expect(read).toBeGreaterThan(20);
  expect(torn).toEqual([]);
});
