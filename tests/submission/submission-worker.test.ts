import { expect, it } from '@jest/globals';
import { Leases } from '../../src/submission/leases.js';
import { orderToText } from '../../src/submission/order.js';
import { SubmissionWorker } from '../../src/submission/submission-worker.js';
import type { Acceptance } from '../../src/validator/validator.js';
import { openList } from '../contracts/store/submitting.js';
import { startApp } from '../http/harness.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

const orderOf = (userId: string) =>
  orderToText({
    claimant: { userId, files: [], isAdmin: false },
    submittedAs: userId,
    flags: {} as never,
    totalEmails: 9,
    repeats: 0,
    replace: false,
    list: null,
  });

/** A worker at lists of several slices each, over a validator that answers when it is told to. */
async function start(owners: Readonly<Record<string, string>>) {
  const { store, intake, metrics, logger } = (await startApp()).deps;
  const waiting: { readonly userId: string; accept(): void }[] = [];
  let accepted = 0;
  const submit = ({ userId }: { userId: string }) =>
    new Promise<Acceptance>((resolve) => {
      const accept = () => resolve({ requestId: null, batchIds: [`b${++accepted}`], update: null });
      waiting.push({ userId, accept });
    });
  const slices = Array.from({ length: 9 }, (_, number) => [`u${number}@x`]);
  for (const [fileId, owner] of Object.entries(owners)) {
    const { advance } = await openList(store, fileId, slices, { order: orderOf(owner) });
    await advance({ dueInMs: 0 });
  }
  const worker = new SubmissionWorker({
    store,
    intake,
    metrics,
    logger,
    validator: { submit } as never,
    leases: new Leases(store.submissions, 60_000),
    attachList: async () => undefined,
    pause: { firstMs: 1, maxMs: 1 },
    sweepMs: 5,
  });
  onTeardown(async () => {
    const closing = worker.close();
    for (const { accept } of waiting) accept();
    await closing;
  });
  worker.start();
  /** The users whose slices are at the validator, once there are so many; they are accepted. */
  const next = async (count: number): Promise<string[]> => {
    await retry(async () => expect(waiting).toHaveLength(count));
    const sent = waiting.splice(0);
    for (const { accept } of sent) accept();
    return sent.map(({ userId }) => userId);
  };
  return { next };
}

it('gives a place to a user who has none, however many submissions another one has', async () => {
  const files = Array.from({ length: 12 }, (_, number) => [`f${number}`, 'jane']);
  const { next } = await start({ ...Object.fromEntries(files), last: 'joe' });
  expect(await next(4)).toContain('joe');
});

it('gives each submission its turn, though others are slow and have all the places', async () => {
  const { next } = await start({ f1: 'ann', f2: 'ben', f3: 'cat', f4: 'dan', f5: 'joe' });
  expect(new Set(await next(4))).toEqual(new Set(['ann', 'ben', 'cat', 'dan']));
  // They have eight slices left each.
  expect(await next(4)).toContain('joe');
});
