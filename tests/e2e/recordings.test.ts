import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { startTestGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { Oracle } from '../support/oracle.js';
import { inParallel, type Message, Producer } from '../support/producer.js';
import { Reading } from '../support/reading.js';
import { plays, type Recording, recordings, renamed } from '../support/recordings.js';
import { reruns } from '../support/reruns.js';
import type { Entry } from '../support/tally.js';

test('there are recordings', () => {
  expect(recordings.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['dns-only-100.jsonl', 'single-10.jsonl', 'small-3.jsonl', 'worker-killed.jsonl']),
  );
});

describe.each(recordings)('$name', (recording) => {
  test.each(effort([4], [1, 4]))(
    'gives the same file whatever happens on the way, %i in parallel',
    async (atOnce) => {
      const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '5', MAX_EXPORTS: '16' });
      const files = await Promise.all(
        Object.entries(plays).map(([name, spoil]) => played(url, recording, name, spoil, atOnce)),
      );
      const [first, ...others] = files;
      expect(first?.entries.length).toBeGreaterThan(0);
      for (const other of others) expect(other).toEqual(first);
    },
  );
});

/** Plays a recording as a file of its own. @returns the resulting file without ids and times */
async function played(
  url: string,
  { messages }: Recording,
  name: string,
  spoil: (messages: readonly Message[]) => Message[],
  atOnce: number,
): Promise<{ entries: Entry[]; stats: object }> {
  const producer = new Producer(url);
  const prefix = `${name}/`;
  const sent = spoil(renamed(messages, prefix));
  const batches = [...new Set(renamed(messages, prefix).map(({ batchId }) => batchId))].map((batchId) => ({
    batchId,
  }));
  const oracle = new Oracle(name);
  const listener = await new StrictListener(name).join(url);

  // The validator's first messages come before its answer, and so before the registration.
  const early = sent.splice(0, Math.ceil(sent.length / 3));
  const send = (message: Message) => async () => {
    const answered = oracle.sending(message);
    await producer.update(message);
    answered();
  };
  await inParallel(early.map(send), atOnce);
  await producer.register(name, { batches });
  oracle.registered({ batches });
  await inParallel(sent.map(send), atOnce);

  const reading = new Reading(producer, name);
  await listener.until(() => listener.stats?.status === 'completed');
  const stats = await reading.stats();
  await listener.until(() => listener.stats?.revision === stats.revision);
  const entries = await reading.pages({}, 7);
  const expected = oracle.expected(entries);
  expect(entries).toEqual(expected.entries);
  expect(await reading.ndjson()).toEqual(entries);
  expect(stats).toMatchObject(expected.stats);
  expect(stats).toEqual(listener.stats);
  expect(listener.results(oracle.batchIds)).toEqual(entries);
  expect(listener.faults).toEqual([]);

  const { progress, batches: counts, stats: verdicts, risk, status } = expected.stats;
  return {
    entries: entries.map((entry) => ({ ...entry, batchId: entry.batchId.slice(prefix.length) })),
    stats: { progress, counts, verdicts, risk, status },
  };
}

describe('a batch', () => {
  test.each(Object.entries(reruns))('%s: listeners have what the store has', async (_, said) => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0' });
    const producer = new Producer(url);
    await producer.register('f', { batches: [{ batchId: 'b' }] });
    const listener = await new StrictListener('f').join(url);
    const oracle = new Oracle('f');
    oracle.registered({ batches: [{ batchId: 'b' }] });
    const reading = new Reading(producer, 'f');
    for (const message of said) {
      const answered = oracle.sending(message);
      await producer.update(message);
      answered();
      const entries = await reading.pages({}, 7);
      expect(entries).toEqual(oracle.expected(entries).entries);
      // Every change is announced: after each message the listener holds what is stored.
      await listener.until(() => isDeepStrictEqual(listener.results(['b']), entries));
    }
    expect(listener.faults).toEqual([]);
  });
});
