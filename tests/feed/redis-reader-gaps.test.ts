import { describe, expect, it, jest } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { emails, kept, none, started, stats, TTL_MS } from './redis-reader-harness.js';

describe('a gap in the feed of a file', () => {
  it('reads what is missing before a message that shows a gap, and goes on in order', async () => {
    const { history, follower, reader, budget } = await started(kept(3, 3), 1_000);
    reader.receive(emails(6));
    reader.receive(stats(6));
    reader.receive(emails(7));
    expect(follower.payloads).toEqual([]);
    expect(budget.bytes).toBeLessThan(1_000);
    // The history was read between the two messages.
    expect(await history.answer(kept(6, 3))).toEqual({ epoch: 'e1', revision: 3 });
    expect(follower.payloads).toEqual([
      'emails e1/4',
      'emails e1/5',
      'emails e1/6',
      'stats e1/6',
      'emails e1/7',
    ]);
    expect(budget.bytes).toBe(1_000);
    expect(history.requests).toEqual([]);
    reader.receive(emails(8));
    expect(follower.revisions.at(-1)).toBe(8);
  });

  it('goes on from a gap that the history does not close, after asking once', async () => {
    const { history, follower, reader } = await started(kept(3, 3));
    reader.receive(emails(9));
    await history.answer(kept(3, 3));
    reader.receive(emails(10));
    expect(follower.payloads).toEqual(['emails e1/9', 'emails e1/10']);
    expect(history.requests).toEqual([]);
  });

  it('reads after the subscription was lost, and goes on from there', async () => {
    const { history, follower, reader } = await started(kept(3, 3));
    reader.subscriptionLost();
    reader.catchUp();
    reader.receive(emails(6));
    expect(await history.answer(kept(5, 3))).toEqual({ epoch: 'e1', revision: 3 });
    expect(follower.payloads).toEqual(['emails e1/4', 'emails e1/5', 'stats e1/5', 'emails e1/6']);
  });

  it('reads again where the subscription was lost while it read', async () => {
    const { history, follower, reader } = await started(kept(3, 3));
    reader.receive(emails(5));
    reader.subscriptionLost();
    await history.answer(kept(5, 3));
    expect(follower.revisions).toEqual([4, 5]);
    reader.receive(stats(4));
    reader.catchUp();
    await history.answer(kept(7, 5));
    expect(follower.revisions).toEqual([4, 5, 6, 7]);
    expect(follower.payloads.filter((payload) => payload.startsWith('stats'))).toEqual([
      'stats e1/5',
      'stats e1/7',
    ]);
  });

  it('asks until the history answers', async () => {
    const { history, follower, reader } = await started(kept(3, 3));
    reader.subscriptionLost();
    reader.catchUp();
    for (let failures = 0; failures < 3; failures++) await history.answer(new Fault('unavailable'));
    reader.receive(emails(6));
    await history.answer(kept(5, 3));
    expect(follower.revisions).toEqual([4, 5, 6]);
  });

  it('drops the buffer where it has no room, and reads those messages as well', async () => {
    const { history, follower, reader, budget } = await started(kept(3, 3), 100);
    reader.receive(emails(5));
    reader.receive(emails(6));
    reader.receive(emails(7, { size: 95 }));
    expect(budget.bytes).toBe(100);
    reader.receive(emails(8));
    await history.answer(kept(5, 3));
    expect(follower.revisions).toEqual([4, 5]);
    expect(await history.answer(kept(8, 5))).toEqual({ epoch: 'e1', revision: 5 });
    expect(follower.revisions).toEqual([4, 5, 6, 7, 8]);
    expect(budget.bytes).toBe(100);
  });

  it('says so where the history does not reach back', async () => {
    const { history, follower, reader, notice } = await started(kept(3, 3));
    reader.subscriptionLost();
    reader.catchUp();
    reader.receive(emails(10));
    await history.answer(kept(9, null));
    expect(follower.payloads).toEqual([notice('e1', 9), 'stats e1/9', 'emails e1/10']);
  });

  it('moves to another epoch, and delivers no more of the one before', async () => {
    const { history, follower, reader, notice } = await started(kept(3, 3));
    reader.subscriptionLost();
    reader.catchUp();
    for (const message of [emails(4), emails(1, { epoch: 'e2' }), emails(2, { epoch: 'e2' })])
      reader.receive(message);
    await history.answer(kept(1, null, 'e2'));
    expect(follower.payloads).toEqual([notice('e2', 1), 'stats e2/1', 'emails e2/2']);
    reader.receive(emails(1, { epoch: 'e3' }));
    reader.receive(stats(3, 'e2'));
    expect(follower.payloads.slice(3)).toEqual(['emails e3/1']);
  });

  it('reads the beginning of an epoch whose first messages were lost', async () => {
    const { history, follower, reader } = await started(none);
    reader.receive(emails(3, { epoch: 'e2' }));
    expect(await history.answer(kept(3, 0, 'e2'))).toEqual({ epoch: 'e2', revision: 0 });
    expect(follower.revisions).toEqual([1, 2, 3]);
  });

  it.each([
    { title: 'was restarted', server: 's2', lostMs: 0, says: true },
    { title: 'forgot the file in due time', server: 's1', lostMs: 1_000, says: false },
    { title: 'had the time to forget more than we know', server: 's1', lostMs: TTL_MS, says: true },
  ])('where nothing is kept, says so if Redis $title: $says', async ({ server, lostMs, says }) => {
    const { history, follower, reader, notice } = await started(kept(3, 3));
    const now = performance.now();
    reader.subscriptionLost();
    const later = jest.spyOn(performance, 'now').mockReturnValue(now + lostMs + 1);
    reader.catchUp();
    later.mockRestore();
    await history.answer({ kind: 'none', server });
    reader.subscriptionLost();
    reader.catchUp();
    await history.answer({ kind: 'none', server });
    expect(follower.payloads).toEqual(says ? [notice('', 0)] : []);
  });

  it('finds out that the file was removed while the subscription was lost', async () => {
    const { history, follower, reader } = await started(kept(3, 3));
    reader.subscriptionLost();
    reader.catchUp();
    reader.receive(emails(4));
    await history.answer({ kind: 'removed', server: 's1' });
    reader.receive(emails(5));
    expect(history.removals).toBe(1);
    expect(follower.payloads).toEqual([]);
  });

  it('ignores a tombstone from before the file had its first epoch', async () => {
    const { history, follower, reader } = await started({ kind: 'removed', server: 's1' });
    reader.subscriptionLost();
    reader.catchUp();
    await history.answer({ kind: 'removed', server: 's1' });
    expect(history.removals).toBe(0);
    reader.receive(emails(1));
    expect(follower.revisions).toEqual([1]);
  });
});
