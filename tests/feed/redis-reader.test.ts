import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '../../src/feed/redis/messages.js';
import { Recorder } from './redis-harness.js';
import { emails, FakeHistory, kept, none, readerOf, started, stats } from './redis-reader-harness.js';

describe('the trail of a file', () => {
  it('starts where the feed stands, and hands on what comes after it', async () => {
    const log = new FakeHistory();
    const told = new Recorder();
    const trail = readerOf(log, told);
    const starting = trail.start();
    // These came with the subscription, while it was asked where the feed stands.
    for (const message of [emails(2), stats(2), emails(3), stats(3), emails(4), stats(4)])
      trail.receive(message);
    await log.answer(kept(3, 3));
    await starting;
    trail.receive(emails(5));
    expect(told.payloads).toEqual(['emails e1/4', 'stats e1/4', 'emails e1/5']);
  });

  it('looks again where the file was removed, or messages were lost, while it starts', async () => {
    const log = new FakeHistory();
    const told = new Recorder();
    const trail = readerOf(log, told);
    const starting = trail.start();
    trail.restart();
    await log.answer(kept(7, 7));
    trail.catchUp();
    await log.answer(none);
    await log.answer(none);
    await starting;
    trail.receive(emails(1, { epoch: 'e2' }));
    expect(told.payloads).toEqual(['emails e2/1']);
  });

  it('drops repeats, and stats that would take its listeners back', async () => {
    const { told, trail } = await started(kept(3, 3));
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
      trail.receive(message);
    }
    for (const message of [stats(6), stats(5), emails(5), emails(6), stats(6), stats(7)])
      trail.receive(message);
    expect(told.payloads).toEqual([
      'emails e1/4',
      'stats e1/4',
      'stats e1/6',
      'emails e1/5',
      'emails e1/6',
      'stats e1/7',
    ]);
  });

  it('tells the other followers where one fails', async () => {
    const { told, audience, trail, warnings } = await started(none);
    const failing = {
      event: () => {
        throw new Error('no');
      },
      removed: () => undefined,
    };
    const [before, after] = [told, new Recorder()];
    audience.add(failing);
    audience.add(after);
    trail.receive(emails(1));
    expect([before.revisions, after.revisions]).toEqual([[1], [1]]);
    expect(warnings).toHaveLength(1);
  });

  it('tells nothing once it has ended, whatever is under way', async () => {
    const { log, told, trail, budget } = await started(kept(3, 3), 1_000);
    trail.receive(emails(6));
    trail.end();
    expect(budget.bytes).toBe(1_000);
    await log.answer(kept(6, 3));
    trail.receive(emails(7));
    trail.subscriptionLost();
    trail.catchUp();
    expect(told.events).toEqual([]);
    expect(log.asked).toEqual([]);
    expect(budget.bytes).toBe(1_000);
  });
});

describe('what gateways tell each other', () => {
  it('is an event with its place, and a payload that may hold anything', () => {
    const payload = '{"a":"\u2028 emails 1 1 e1"}\n\n';
    const news = { feed: 'emails', revision: 12, previous: 10, epoch: 'e 1', payload };
    expect(parseMessage(`emails 12 10 e 1\n${payload}`)).toEqual(news);
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
