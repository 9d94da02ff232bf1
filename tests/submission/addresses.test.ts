import { expect, it } from '@jest/globals';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import type { Advanced } from '../../src/store/submissions.js';
import { type AddressesDeps, AddressSubmissions } from '../../src/submission/addresses.js';
import { Leases } from '../../src/submission/leases.js';
import { OPERATOR } from '../support/operator.js';

it('bounds the submissions that go on without their callers, and leaves places to others', async () => {
  const accepts: ((kept: Advanced) => void)[] = [];
  const submissions = {
    claim: async () => ({ state: 'mine' }),
    renew: async () => true,
    // The database is silent.
    accept: () => new Promise<Advanced>((resolve) => accepts.push(resolve)),
  } as unknown as AddressesDeps['store']['submissions'];
  let sent = 0;
  const addresses = new AddressSubmissions({
    store: { submissions, files: { find: async () => null } } as unknown as AddressesDeps['store'],
    validator: {
      submit: async () => ({ requestId: `r${++sent}`, batchIds: [], update: null }),
    } as unknown as AddressesDeps['validator'],
    intake: {} as AddressesDeps['intake'],
    leases: new Leases(submissions, 60_000),
    logger: createLogger('silent'),
    metrics: createMetrics(),
    keepMs: 60_000,
    maxUpdateBytes: 1_000,
    stopping: new AbortController().signal,
    answerMs: 1,
    maxUnderWay: 4,
  });
  const submit = (submittedAs: string) =>
    addresses.submit({
      fileId: 'f',
      key: null,
      fingerprint: 'p',
      emails: ['a@x'],
      order: {
        claimant: OPERATOR,
        submittedAs,
        flags: {} as never,
        totalEmails: 1,
        repeats: 0,
        replace: false,
        list: null,
      },
    });
  const unavailable = { code: 'unavailable' };
  for (let more = 0; more < 5; more++) await expect(submit('jane')).rejects.toMatchObject(unavailable);
  expect(sent).toBe(2);
  for (let more = 0; more < 5; more++) await expect(submit('joe')).rejects.toMatchObject(unavailable);
  expect(sent).toBe(3);
  for (const accept of accepts) accept('lost');
  await addresses.idle();
  await expect(submit('jane')).rejects.toMatchObject(unavailable);
  expect(sent).toBe(4);
  accepts.at(-1)?.('lost');
  await addresses.idle();
});
