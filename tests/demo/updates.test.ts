import { expect, test } from '@jest/globals';
import { NO_FAULTS } from '../../demo/validator/options.js';
import { verdictOn } from '../../demo/validator/verdict/verdict.js';
import { Pace } from '../../demo/validator/work/pace.js';
import { FairQueue } from '../../demo/validator/work/worker-pool.js';
import { Signal } from '../support/wait.js';
import { addresses, Caller, FLAGS } from './caller.js';
import { counts, type Message, Receiver } from './receiver.js';

/** With this option each update is awaited, so none is replaced by the next one. */
const IN_TURN = { faults: { ...NO_FAULTS, repeat: 1 } };

test('a batch is published every few addresses, and once more at the end', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url, ...IN_TURN });
  const emails = addresses(11);
  const { batchIds } = await caller.submit(emails);
  const [ten = [], one = []] = await receiver.complete(batchIds);
  expect([...new Set(counts(ten))]).toEqual(['5', '10', '10!']);
  expect([...new Set(counts(one))]).toEqual(['1', '1!']);
  expect(ten.at(-1)?.validatedEmails.map(({ email }) => email)).toEqual(emails.slice(0, 10));
});

test('updates are cumulative: each begins with the one before it', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url, publishEvery: 3 });
  const { batchIds } = await caller.submit(addresses(60));
  for (const messages of await receiver.complete(batchIds)) {
    messages.reduce((before: Message, after: Message) => {
      expect(after.validatedEmails.slice(0, before.processedCount)).toEqual(before.validatedEmails);
      return after;
    });
    expect(messages.every((message) => message.processedCount === message.validatedEmails.length)).toBe(true);
    expect(messages.at(-1)).toMatchObject({ isComplete: true, processedCount: 20, totalEmails: 20 });
  }
});

test('the text is that of the real validator: the order of the keys, the blanks, ASCII only', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url });
  const { batchIds } = await caller.submit(['b\u00fccher@example.com', '\u{1f98a}@example.com']);
  await receiver.complete(batchIds);
  const { text = '', message, headers } = receiver.deliveries.at(-1) ?? {};
  expect(text).toMatch(
    /^\{"batchId": "[\w-]+", "isComplete": true, "validatedEmails": \[\{"email": "b\\u00fccher@/,
  );
  expect(text).toMatch(
    /\}\], "totalEmails": 2, "processedCount": 2, "lastUpdated": "[\d-]+T[\d:]+\.\d{6}"\}$/,
  );
  expect(text).toMatch(/^[\x20-\x7e]*$/);
  expect(message?.validatedEmails.map(({ email }) => email)).toEqual([
    'b\u00fccher@example.com',
    '\u{1f98a}@example.com',
  ]);
  expect(headers?.['content-type']).toBe('application/json');
  expect(headers?.authorization).toBeUndefined();
});

test('results are the verdicts on the addresses', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url });
  const emails = ['rejected@example.com', 'plain', 'anybody@catchall.test'];
  const [messages = []] = await receiver.complete((await caller.submit(emails)).batchIds);
  const withoutTime = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (key, member: unknown) => (key === 'last_checked' ? undefined : member)),
    );
  expect(withoutTime(messages.at(-1)?.validatedEmails)).toEqual(
    withoutTime(emails.map((email) => verdictOn(email, FLAGS, ''))),
  );
});

test('the first updates come before the answer to the submission', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url, answerDelayMs: 500 });
  const first = await Promise.race([
    receiver.until(() => receiver.deliveries.length > 0).then(() => 'an update'),
    caller.submit(addresses(20)).then(() => 'the answer'),
  ]);
  expect(first).toBe('an update');
});

test('several batches run in parallel', async () => {
  const both = new Set<string>();
  const signal = new Signal();
  const receiver = await Receiver.start(async ({ batchId }, response) => {
    both.add(batchId);
    signal.changed();
    // The first batch waits until the second has published.
    await signal.until(
      () => both.size === 2,
      () => 'one batch only',
    );
    response.writeHead(202).end();
  });
  const caller = await Caller.start({ gatewayUrl: receiver.url, workers: 2 });
  await receiver.complete((await caller.submit(addresses(20))).batchIds);
});

test('a single address is never published', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url });
  await caller.submit(['alone@example.com']);
  // A barrier: later updates have arrived, and nothing before them.
  const { batchIds } = await caller.submit(addresses(2));
  await receiver.complete(batchIds);
  expect(new Set(receiver.deliveries.map(({ message }) => message.batchId))).toEqual(new Set(batchIds));
});

test('the gateway gets the token if there is one', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url, gatewayToken: 'a.b.c' });
  await receiver.complete((await caller.submit(addresses(2))).batchIds);
  expect(receiver.deliveries[0]?.headers.authorization).toBe('Bearer a.b.c');
});

test('closing publishes the results so far, and ends soon', async () => {
  const receiver = await Receiver.start();
  // The first address at once, the second after more than a minute.
  const caller = await Caller.start({ gatewayUrl: receiver.url, rate: 0.01, workers: 1, graceMs: 10_000 });
  const { batchIds } = await caller.submit(addresses(20));
  await Promise.all([caller.close(), caller.close()]);
  expect(counts(receiver.of(batchIds[0] ?? ''))).toEqual(['1']);
});

test('the pace holds over all callers', async () => {
  const stop = new AbortController();
  const pace = new Pace(500, stop.signal);
  const began = performance.now();
  const caller = async () => {
    for (let i = 0; i < 25; i++) await pace.turn();
  };
  await Promise.all([caller(), caller()]);
  expect(performance.now() - began).toBeGreaterThan(60);
  stop.abort();
  await expect(pace.turn()).rejects.toThrow('aborted');
});

test('lists take turns', () => {
  const queue = new FairQueue<string>();
  queue.add(['a1', 'a2', 'a3']);
  queue.add(['b1']);
  queue.add([]);
  queue.add(['c1', 'c2']);
  expect(Array.from({ length: 7 }, () => queue.take())).toEqual([
    'a1',
    'b1',
    'c1',
    'a2',
    'c2',
    'a3',
    undefined,
  ]);
});
