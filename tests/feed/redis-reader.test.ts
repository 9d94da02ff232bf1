import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '../../src/feed/redis/messages.js';
import { Recorder } from './redis-harness.js';
import { emails, FakeHistory, kept, none, readerOf, started, stats } from './redis-reader-harness.js';

describe('the feed reader of a file', () => {
  it('starts at the head of the feed, and delivers what comes after it', async () => {
    const history = new FakeHistory();
    const follower = new Recorder();
    const reader = readerOf(history, follower);
    const starting = reader.start();
    // These came with the subscription, while the head was read.
    for (const message of [emails(2), stats(2), emails(3), stats(3), emails(4), stats(4)])
      reader.receive(message);
    await history.answer(kept(3, 3));
    await starting;
    reader.receive(emails(5));
    expect(follower.payloads).toEqual(['emails e1/4', 'stats e1/4', 'emails e1/5']);
  });

  it('looks again where the file was removed, or messages were lost, while it starts', async () => {
    const history = new FakeHistory();
    const follower = new Recorder();
    const reader = readerOf(history, follower);
    const starting = reader.start();
    reader.restart();
    await history.answer(kept(7, 7));
    reader.catchUp();
    await history.answer(none);
    await history.answer(none);
    await starting;
    reader.receive(emails(1, { epoch: 'e2' }));
    expect(follower.payloads).toEqual(['emails e2/1']);
  });

  it('drops repeats, and stats that would take its listeners back', async () => {
    const { follower, reader } = await started(kept(3, 3));
    for (const message of [
      emails(3),
      stats(3),
      emails(4),
      stats(3),
      stats(4),
      emails(4),
      stats(4),
      stats(2),
    ]) {
      reader.receive(message);
    }
    for (const message of [stats(6), stats(5), emails(5), emails(6), stats(6), stats(7)])
      reader.receive(message);
    expect(follower.payloads).toEqual([
      'emails e1/4',
      'stats e1/4',
      'stats e1/6',
      'emails e1/5',
      'emails e1/6',
      'stats e1/7',
    ]);
  });

  it('delivers to the other followers where one fails', async () => {
    const { follower, followers, reader, warnings } = await started(none);
    const failing = {
      event: () => {
        throw new Error('no');
      },
      removed: () => undefined,
    };
    const [before, after] = [follower, new Recorder()];
    followers.add(failing);
    followers.add(after);
    reader.receive(emails(1));
    expect([before.revisions, after.revisions]).toEqual([[1], [1]]);
    expect(warnings).toHaveLength(1);
  });

  it('delivers nothing once it has ended, whatever is under way', async () => {
    const { history, follower, reader, budget } = await started(kept(3, 3), 1_000);
    reader.receive(emails(6));
    reader.end();
    expect(budget.bytes).toBe(1_000);
    await history.answer(kept(6, 3));
    reader.receive(emails(7));
    reader.subscriptionLost();
    reader.catchUp();
    expect(follower.events).toEqual([]);
    expect(history.requests).toEqual([]);
    expect(budget.bytes).toBe(1_000);
  });
});

describe('what gateways publish for each other', () => {
  it('is an event with its place, and a payload that may hold anything', () => {
    const payload = '{"a":"\u2028 emails 1 1 e1"}\n\n';
    const message = { feed: 'emails', revision: 12, previous: 10, epoch: 'e 1', payload };
    expect(parseMessage(`emails 12 10 e 1\n${payload}`)).toEqual(message);
    expect(parseMessage('stats 1 0 e1\n')).toMatchObject({ feed: 'stats', revision: 1, payload: '' });
    expect(parseMessage('removed x.1')).toEqual({ feed: 'removed', id: 'x.1' });
  });

  it.each(['', 'hello', '{"fileId":"f1"}', 'emails 1 0 e1', 'emails x 0 e1\n{}', 'other 1 0 e1\n{}'])(
    'is not %p',
    (text) => {
      expect(parseMessage(text)).toBeNull();
    },
  );
});
