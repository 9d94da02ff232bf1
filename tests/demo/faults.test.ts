import { expect, test } from '@jest/globals';
import { type Faults, NO_FAULTS } from '../../demo/validator/options.js';
import { planOf } from '../../demo/validator/work/faults.js';
import { addresses, Caller, FLAGS } from './caller.js';
import { counts, type Message, Receiver } from './receiver.js';

/** The updates of one batch of ten that has the given faults. `until` decides when all have arrived. */
async function updatesWith(
  faults: Partial<Faults>,
  until: (messages: Message[]) => boolean,
): Promise<Message[]> {
  const receiver = await Receiver.start();
  // Slow enough that each update arrives before the next one is made.
  const caller = await Caller.start({
    gatewayUrl: receiver.url,
    rate: 400,
    faults: { ...NO_FAULTS, ...faults },
  });
  const [batchId = ''] = (await caller.submit(addresses(10))).batchIds;
  await receiver.until(() => until(receiver.of(batchId)));
  return receiver.of(batchId);
}

/** Repeated updates are awaited one by one, so none is replaced by the next one. The last one is sent twice as well. */
const IN_TURN = { repeat: 1 };
const isComplete = (messages: Message[]) => messages.filter((message) => message.isComplete).length === 2;
const withoutRepeats = (all: string[]) => all.filter((_, index) => index % 2 === 0);

test('updates are repeated', async () => {
  const messages = await updatesWith({ repeat: 1 }, ({ length }) => length === 6);
  expect(counts(messages)).toEqual(['5', '5', '10', '10', '10!', '10!']);
  expect(messages[0]).toEqual(messages[1]);
});

test('a batch starts over in the middle', async () => {
  const messages = await updatesWith({ ...IN_TURN, restart: 1 }, isComplete);
  expect(withoutRepeats(counts(messages))).toEqual(['5', '5', '10', '10!']);
  expect(messages[2]?.lastUpdated).not.toBe(messages[0]?.lastUpdated);
});

test('a complete batch has a hole', async () => {
  const messages = await updatesWith({ ...IN_TURN, hole: 1 }, isComplete);
  expect(withoutRepeats(counts(messages))).toEqual(['5', '9', '9!']);
  const emails = messages.at(-1)?.validatedEmails.map(({ email }) => email);
  expect(emails).toEqual(addresses(10).filter((email) => email !== 'a5@example.com'));
  expect(messages.at(-1)?.totalEmails).toBe(10);
});

test('updates arrive out of order, the complete one included', async () => {
  const messages = await updatesWith({ shuffle: 1 }, ({ length }) => length === 3);
  expect(counts(messages)).toEqual(['10', '5', '10!']);
  // An odd number of updates before the complete one.
  const receiver = await Receiver.start();
  const faults = { ...NO_FAULTS, shuffle: 1 };
  const caller = await Caller.start({ gatewayUrl: receiver.url, publishEvery: 10, faults });
  const [batchId = ''] = (await caller.submit(addresses(10))).batchIds;
  await receiver.until(() => receiver.of(batchId).length === 2);
  expect(counts(receiver.of(batchId))).toEqual(['10!', '10']);
});

test('a batch never ends and does not delay the others', async () => {
  const receiver = await Receiver.start();
  const faults = { ...NO_FAULTS, silence: 1 };
  const caller = await Caller.start({ gatewayUrl: receiver.url, faults, workers: 1 });
  const { batchIds } = await caller.submit(addresses(50));
  const last = batchIds.at(-1) ?? '';
  await receiver.until(() => receiver.of(last).length > 0);
  expect(batchIds.map((id) => counts(receiver.of(id)))).toEqual(batchIds.map(() => ['5']));
});

test('a reason is not well-formed text', async () => {
  const receiver = await Receiver.start();
  const faults = { ...NO_FAULTS, surrogate: 1 };
  const caller = await Caller.start({ gatewayUrl: receiver.url, faults });
  const [messages = []] = await receiver.complete(
    (await caller.submit(['rejected@example.com', 'plain'])).batchIds,
  );
  const reasons = messages.at(-1)?.validatedEmails.map(({ details }) => details.general.reason);
  expect(reasons).toEqual(['5.1.1 Empf\udce4nger ung\udcfcltig', 'Invalid email format']);
});

test('some updates are not published', async () => {
  const receiver = await Receiver.start();
  const faults = { ...NO_FAULTS, gap: 1, repeat: 1 };
  const caller = await Caller.start({ gatewayUrl: receiver.url, rate: 400, publishEvery: 2, faults });
  const [batchId = ''] = (await caller.submit(addresses(10))).batchIds;
  await receiver.until(() => isComplete(receiver.of(batchId)));
  expect(withoutRepeats(counts(receiver.of(batchId)))).toEqual(['2', '6', '10', '10!']);
});

test('a complete batch is run again', async () => {
  const messages = await updatesWith(
    { ...IN_TURN, rerun: 1 },
    (all) => all.filter((one) => one.isComplete).length === 4,
  );
  expect(withoutRepeats(counts(messages))).toEqual(['5', '10', '10!', '5', '10', '10!']);
});

test('two workers run one batch', async () => {
  const messages = await updatesWith(
    { ...IN_TURN, rivals: 1 },
    (all) => all.filter((one) => one.isComplete).length === 4,
  );
  expect(counts(messages).sort()).toEqual(
    ['10', '10', '10!', '10', '10', '10!', '10!', '10!', '5', '5', '5', '5'].sort(),
  );
});

test('a submission is queued, and gets no answer, half an answer or an error', async () => {
  for (const fault of ['mute', 'torn', 'error'] as const) {
    const receiver = await Receiver.start();
    const faults = { ...NO_FAULTS, [fault]: 1 };
    const caller = await Caller.start({ gatewayUrl: receiver.url, faults });
    const body = JSON.stringify({ emails: addresses(10), ...FLAGS });
    const answer = caller.post(body).then(
      ({ status }) => status,
      () => 'broken off',
    );
    await receiver.until(() => receiver.deliveries.some(({ message }) => message.isComplete));
    if (fault === 'mute') {
      // It gets no answer until the validator closes.
      await caller.close();
      expect(await answer).toBe('broken off');
    } else expect(await answer).toBe(fault === 'torn' ? 'broken off' : 500);
  }
});

test('a submission is refused as while the service is down', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url, faults: { ...NO_FAULTS, down: 1 } });
  expect((await caller.post(JSON.stringify({ emails: addresses(10), ...FLAGS }))).status).toBe(503);
  expect(receiver.deliveries).toEqual([]);
});

test('a submission is accepted and never run', async () => {
  const receiver = await Receiver.start();
  const caller = await Caller.start({ gatewayUrl: receiver.url, faults: { ...NO_FAULTS, lost: 1 } });
  const { batchId = '' } = await caller.submit(addresses(10));
  // The status is that of every unknown batch.
  const status = await caller.get(`/validation-status/${batchId}`);
  expect(JSON.parse(status.text)).toMatchObject({ status: 'processing', totalEmails: null });
  expect(receiver.deliveries).toEqual([]);
});

test('faults affect their share of the batches, the same ones for the same seed', () => {
  const batch = { batchId: '', emails: addresses(20), flags: FLAGS };
  const hit = (seed: string) =>
    Array.from({ length: 2000 }, (_, number) => number).filter(
      (number) => planOf({ ...batch, number }, { ...NO_FAULTS, hole: 0.1 }, seed, 5).hole !== null,
    );
  expect(hit('a').length).toBeGreaterThan(150);
  expect(hit('a').length).toBeLessThan(250);
  expect(hit('a')).toEqual(hit('a'));
  expect(hit('a')).not.toEqual(hit('b'));
});

test.each([2, 3, 5, 6, 10, 19, 150])(
  'a batch of %d that begins again is worked through in the end',
  (size) => {
    const batch = { batchId: '', number: 1, emails: addresses(size), flags: FLAGS };
    const { rounds, ends } = planOf(batch, { ...NO_FAULTS, restart: 1 }, 'a', 5);
    expect([rounds.length, rounds.at(-1), ends]).toEqual([2, size, true]);
    expect(rounds[0]).toBeGreaterThan(0);
  },
);
