import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { emails, kept, none, started, stats, TTL_MS } from './redis-reader-harness.js';

describe('a gap in the trail of a file', () => {
  it('reads what is missing before a message that shows a gap, and goes on in order', async () => {
    const { log, told, trail, budget } = await started(kept(3, 3), 1_000);
    trail.receive(emails(6));
    trail.receive(stats(6));
    trail.receive(emails(7));
    expect(told.payloads).toEqual([]);
    expect(budget.bytes).toBeLessThan(1_000);
    // The history was read between the two messages.
    expect(await log.answer(kept(6, 3))).toEqual({ epoch: 'e1', revision: 3 });
    expect(told.payloads).toEqual(['emails e1/4', 'emails e1/5', 'emails e1/6', 'stats e1/6', 'emails e1/7']);
    expect(budget.bytes).toBe(1_000);
    expect(log.asked).toEqual([]);
    trail.receive(emails(8));
    expect(told.revisions.at(-1)).toBe(8);
  });

  it('goes on from a gap that the history does not close, after asking once', async () => {
    const { log, told, trail } = await started(kept(3, 3));
    trail.receive(emails(9));
    await log.answer(kept(3, 3));
    trail.receive(emails(10));
    expect(told.payloads).toEqual(['emails e1/9', 'emails e1/10']);
    expect(log.asked).toEqual([]);
  });

  it('reads after it was away, and goes on from there', async () => {
    const { log, told, trail } = await started(kept(3, 3));
    trail.subscriptionLost();
    trail.catchUp();
    trail.receive(emails(6));
    expect(await log.answer(kept(5, 3))).toEqual({ epoch: 'e1', revision: 3 });
    expect(told.payloads).toEqual(['emails e1/4', 'emails e1/5', 'stats e1/5', 'emails e1/6']);
  });

  it('reads again where it was interrupted while it read', async () => {
    const { log, told, trail } = await started(kept(3, 3));
    trail.receive(emails(5));
    trail.subscriptionLost();
    await log.answer(kept(5, 3));
    expect(told.revisions).toEqual([4, 5]);
    trail.receive(stats(4));
    trail.catchUp();
    await log.answer(kept(7, 5));
    expect(told.revisions).toEqual([4, 5, 6, 7]);
    expect(told.payloads.filter((payload) => payload.startsWith('stats'))).toEqual([
      'stats e1/5',
      'stats e1/7',
    ]);
  });

  it('asks until the history answers', async () => {
    const { log, told, trail } = await started(kept(3, 3));
    trail.subscriptionLost();
    trail.catchUp();
    for (let failures = 0; failures < 3; failures++) await log.answer(new Fault('unavailable'));
    trail.receive(emails(6));
    await log.answer(kept(5, 3));
    expect(told.revisions).toEqual([4, 5, 6]);
  });

  it('drops what waits where there is no room for it, and reads that as well', async () => {
    const { log, told, trail, budget } = await started(kept(3, 3), 100);
    trail.receive(emails(5));
    trail.receive(emails(6));
    trail.receive(emails(7, { size: 95 }));
    expect(budget.bytes).toBe(100);
    trail.receive(emails(8));
    await log.answer(kept(5, 3));
    expect(told.revisions).toEqual([4, 5]);
    expect(await log.answer(kept(8, 5))).toEqual({ epoch: 'e1', revision: 5 });
    expect(told.revisions).toEqual([4, 5, 6, 7, 8]);
    expect(budget.bytes).toBe(100);
  });

  it('says so where the history does not reach back', async () => {
    const { log, told, trail, notice } = await started(kept(3, 3));
    trail.subscriptionLost();
    trail.catchUp();
    trail.receive(emails(10));
    await log.answer(kept(9, null));
    expect(told.payloads).toEqual([notice('e1', 9), 'stats e1/9', 'emails e1/10']);
  });

  it('goes over to another epoch, and hears no more of the one before', async () => {
    const { log, told, trail, notice } = await started(kept(3, 3));
    trail.subscriptionLost();
    trail.catchUp();
    for (const message of [emails(4), emails(1, { epoch: 'e2' }), emails(2, { epoch: 'e2' })])
      trail.receive(message);
    await log.answer(kept(1, null, 'e2'));
    expect(told.payloads).toEqual([notice('e2', 1), 'stats e2/1', 'emails e2/2']);
    trail.receive(emails(1, { epoch: 'e3' }));
    trail.receive(stats(3, 'e2'));
    expect(told.payloads.slice(3)).toEqual(['emails e3/1']);
  });

  it('reads the beginning of an epoch whose first messages were lost', async () => {
    const { log, told, trail } = await started(none);
    trail.receive(emails(3, { epoch: 'e2' }));
    expect(await log.answer(kept(3, 0, 'e2'))).toEqual({ epoch: 'e2', revision: 0 });
    expect(told.revisions).toEqual([1, 2, 3]);
  });

  it.each([
    { title: 'was restarted', server: 's2', awayMs: 0, says: true },
    { title: 'forgot the file in due time', server: 's1', awayMs: 1_000, says: false },
    { title: 'had the time to forget more than we know', server: 's1', awayMs: TTL_MS, says: true },
  ])('where nothing is kept, says so if Redis $title: $says', async ({ server, awayMs, says }) => {
    const { log, told, trail, notice } = await started(kept(3, 3));
    const now = Date.now;
    trail.subscriptionLost();
    Date.now = () => now() + awayMs;
    trail.catchUp();
    Date.now = now;
    await log.answer({ kind: 'none', server });
    trail.subscriptionLost();
    trail.catchUp();
    await log.answer({ kind: 'none', server });
    expect(told.payloads).toEqual(says ? [notice('', 0)] : []);
  });

  it('finds out that the file was removed while it was away', async () => {
    const { log, told, trail } = await started(kept(3, 3));
    trail.subscriptionLost();
    trail.catchUp();
    trail.receive(emails(4));
    await log.answer({ kind: 'removed', server: 's1' });
    trail.receive(emails(5));
    expect(log.removals).toBe(1);
    expect(told.payloads).toEqual([]);
  });

  it('takes no mark of a removal for its own before the file has begun', async () => {
    const { log, told, trail } = await started({ kind: 'removed', server: 's1' });
    trail.subscriptionLost();
    trail.catchUp();
    await log.answer({ kind: 'removed', server: 's1' });
    expect(log.removals).toBe(0);
    trail.receive(emails(1));
    expect(told.revisions).toEqual([1]);
  });
});
