import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { listenToFile } from '../../src/client/index.js';
import { FakeGateway, FILE } from './fake-gateway.js';
import { placesOf, Recorder } from './recorder.js';

let gateway: FakeGateway;

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 });
  gateway = new FakeGateway();
  gateway.connected = true;
});

afterEach(() => {
  jest.useRealTimers();
});

function live(): Recorder {
  gateway.change('a', ['a0']);
  gateway.wire.length = 0;
  const recorder = new Recorder(gateway);
  gateway.settle();
  recorder.calls.length = 0;
  expect(recorder.listener.state.state).toBe('live');
  return recorder;
}

/** A gap is asked about in the next turn of the event loop. */
function settle(): void {
  gateway.settle();
  jest.advanceTimersByTime(0);
  gateway.settle();
}

const subscriptions = () => gateway.requests.filter(({ event }) => event === 'subscribe');

describe('subscribing', () => {
  it('starts over from the snapshot, then says that it is live', () => {
    gateway.change('a', ['a0', 'a1']);
    gateway.wire.length = 0;
    const recorder = new Recorder(gateway);
    expect(gateway.requests[0]?.request).toEqual({ fileId: FILE, feeds: ['stats', 'emails'] });
    gateway.settle();
    expect(recorder.calls).toEqual(['snapshot e1/1']);
    expect(recorder.places).toEqual(placesOf(gateway));
    expect(recorder.states.map(({ state }) => state)).toEqual(['catching-up', 'live']);
  });

  it('waits for the connection, and says that it is stale when there is none to be had', () => {
    gateway.connected = false;
    const recorder = new Recorder(gateway);
    expect(gateway.requests).toHaveLength(0);
    gateway.fire('connect_error', new Error('refused'));
    expect(recorder.listener.state).toMatchObject({
      state: 'stale',
      reason: 'disconnected',
      since: 1_000_000,
    });
    gateway.connect();
    gateway.settle();
    expect(recorder.listener.state.state).toBe('live');
  });

  it('keeps events that come before the answer, and hands over those above its revision', () => {
    const recorder = new Recorder(gateway);
    gateway.change('a', ['a0']); // in the answer already
    gateway.answer();
    const later = gateway.change('a', ['a0', 'a1']);
    // the answer comes last
    gateway.wire.push(...gateway.wire.splice(2, 1));
    expect(recorder.calls).toEqual([]);
    gateway.settle();
    expect(recorder.calls).toEqual(['snapshot e1/1', `stats e1/2`, `emails e1/${later.revision}`]);
    expect(recorder.places).toEqual(placesOf(gateway));
  });

  it('reconnects with the revision it has, and hands over what was missed in order', () => {
    const recorder = live();
    gateway.drop();
    gateway.change('a', ['a0', 'a1']);
    gateway.change('b', ['b0']);
    gateway.changeStatsOnly();
    gateway.connect();
    expect(gateway.requests[0]?.request.since).toEqual({ epoch: 'e1', revision: 1 });
    gateway.settle();
    expect(recorder.calls).toEqual(['emails e1/2', 'emails e1/3', 'stats e1/4']);
    gateway.drop();
    gateway.connect();
    // the answer's revision counts, although it was one without emails
    expect(gateway.requests[0]?.request.since).toEqual({ epoch: 'e1', revision: 4 });
  });
});

describe('order', () => {
  it('drops repeats', () => {
    const recorder = live();
    const event = gateway.change('a', ['a0', 'a1']);
    gateway.settle();
    gateway.send('file_emails', event);
    gateway.send('file_stats', gateway.stats());
    gateway.settle();
    expect(recorder.calls).toEqual(['stats e1/2', 'emails e1/2']);
  });

  it('ignores stats that are older than the newest of the same epoch', () => {
    const recorder = live();
    const old = gateway.stats();
    gateway.changeStatsOnly();
    gateway.send('file_stats', old);
    gateway.settle();
    expect(recorder.stats?.revision).toBe(2);
  });

  it('sees a gap, asks once for what is missing, and gets nothing twice', () => {
    const recorder = live();
    gateway.change('a', ['a0', 'a1']);
    gateway.wire.length = 0; // lost
    gateway.change('a', ['a0', 'a1', 'a2']);
    gateway.change('a', ['a0', 'a1', 'a2', 'a3']);
    while (gateway.wire.length > 0) gateway.deliver();
    expect(recorder.listener.state.state).toBe('catching-up');
    jest.advanceTimersByTime(0);
    expect(subscriptions()).toHaveLength(1);
    expect(subscriptions()[0]?.request.since).toEqual({ epoch: 'e1', revision: 1 });
    gateway.settle();
    expect(recorder.calls).toEqual(['stats e1/3', 'emails e1/2', 'emails e1/3', 'emails e1/4', 'stats e1/4']);
    expect(recorder.states.map(({ state }) => state)).toEqual(['catching-up', 'live', 'catching-up', 'live']);
  });

  it('starts over in a new epoch, even when only the stats tell of it', () => {
    const recorder = live();
    gateway.startNewEpoch();
    gateway.change('z', ['z0']);
    gateway.wire.pop(); // the emails are lost
    settle();
    expect(recorder.calls).toEqual(['snapshot e2/1']);
    expect(recorder.places).toEqual(['z:0=z0']);
  });

  it('asks ever more slowly when one gap follows the other', () => {
    live();
    const waits: number[] = [];
    for (let n = 2; n < 7; n += 1) {
      gateway.change('a', [`lost ${n}`]);
      gateway.wire.length = 0;
      gateway.change('a', [`seen ${n}`]);
      while (gateway.wire.length > 0) gateway.deliver();
      const from = Date.now();
      jest.advanceTimersByTime(0);
      while (subscriptions().length === 0) jest.advanceTimersByTime(10);
      waits.push(Date.now() - from);
      gateway.settle();
    }
    expect(waits[0]).toBe(0);
    expect(waits[4]).toBeGreaterThan((waits[1] ?? 0) * 2);
  });

  it('hands `truncated` over before the emails', () => {
    const recorder = live();
    gateway.change('a', ['a0', 'a1', 'a2']);
    gateway.change('a', ['x0']);
    gateway.settle();
    expect(recorder.calls.slice(2)).toEqual(['stats e1/3', 'truncated e1/3 a:1', 'emails e1/3']);
    expect(recorder.places).toEqual(['a:0=x0']);
  });

  it('takes no notice of other files', () => {
    const recorder = live();
    gateway.fire('file_stats', { ...gateway.stats(), fileId: 'other', revision: 9 });
    gateway.fire('file_deleted', { fileId: 'other' });
    gateway.fire('unsubscribed', { fileId: 'other', code: 'forbidden' });
    expect(recorder.calls).toEqual([]);
    expect(recorder.listener.state.state).toBe('live');
  });
});

describe('trouble', () => {
  const refuse = (code: string, retryable: boolean) => {
    gateway.answer({ ok: false, error: { code, message: code, retryable } });
    gateway.deliver();
  };

  it('tries a retryable refusal again, later and later', () => {
    const recorder = new Recorder(gateway);
    for (const longest of [500, 1000, 2000]) {
      refuse('unavailable', true);
      expect(recorder.listener.state).toMatchObject({ state: 'stale', reason: 'refused', since: 1_000_000 });
      jest.advanceTimersByTime(longest / 2 - 1);
      expect(subscriptions()).toHaveLength(0);
      jest.advanceTimersByTime(longest / 2 + 1);
      expect(subscriptions()).toHaveLength(1);
    }
    gateway.settle();
    expect(recorder.listener.state.state).toBe('live');
  });

  it('leaves a final refusal alone until resume() or the next connection', () => {
    const recorder = new Recorder(gateway);
    refuse('forbidden', false);
    jest.advanceTimersByTime(600_000);
    expect(subscriptions()).toHaveLength(0);
    expect(recorder.listener.state).toMatchObject({ reason: 'refused', error: { code: 'forbidden' } });
    recorder.listener.resume();
    refuse('forbidden', false);
    gateway.drop();
    gateway.connect();
    gateway.settle();
    expect(recorder.listener.state.state).toBe('live');
  });

  it('asks again when no answer comes, and ignores the answer that comes late', () => {
    const recorder = new Recorder(gateway, { ackTimeoutMs: 1000 });
    gateway.answer();
    const late = gateway.wire.shift();
    jest.advanceTimersByTime(1000);
    expect(recorder.listener.state).toMatchObject({ state: 'stale', error: { code: 'timeout' } });
    jest.advanceTimersByTime(500);
    gateway.change('a', ['a0']);
    gateway.wire.length = 0;
    if (late) gateway.wire.push(late);
    gateway.deliver();
    expect(recorder.calls).toEqual([]);
    gateway.settle();
    expect(recorder.calls).toEqual(['snapshot e1/1']);
  });

  it('waits longer each time for an answer that comes too late, up to a minute', () => {
    const recorder = new Recorder(gateway, { retryMinMs: 1, retryMaxMs: 1 });
    const waited = () => {
      let ms = 0;
      for (; recorder.listener.state.state === 'catching-up'; ms += 1_000) jest.advanceTimersByTime(1_000);
      jest.advanceTimersByTime(1);
      return ms;
    };
    expect([waited(), waited(), waited(), waited(), waited()]).toEqual([
      10_000, 20_000, 40_000, 60_000, 60_000,
    ]);
    gateway.settle();
    expect(recorder.listener.state.state).toBe('live');
    gateway.drop();
    gateway.connect();
    expect(waited()).toBe(10_000);
  });

  it('takes an answer that makes no sense for a refusal', () => {
    const recorder = new Recorder(gateway);
    gateway.requests.shift()?.ack(null);
    expect(recorder.listener.state).toMatchObject({ state: 'stale', reason: 'refused' });
    jest.advanceTimersByTime(500);
    gateway.settle();
    expect(recorder.listener.state.state).toBe('live');
  });

  it.each([
    { emails: { emails: 5 } },
    { emails: { emails: [null] } },
    { recovered: true, missed: 5 },
    { recovered: true, missed: [{ fileId: FILE, emails: [null] }] },
  ])('takes an answer whose results are none for a refusal: %j', (said) => {
    const recorder = new Recorder(gateway);
    const asked = gateway.requests.shift();
    asked?.ack({ ...gateway.subscribed(asked.request), ...said });
    expect(recorder.listener.state).toMatchObject({ state: 'stale', reason: 'refused' });
    expect(recorder.calls).toEqual([]);
  });

  it.each([{ emails: [null] }, { truncated: [null] }, { truncated: { length: 1 } }])(
    'ignores an event whose results are none: %j',
    (said) => {
      const recorder = live();
      const before = [...recorder.calls];
      const event = gateway.change('a', ['a0']);
      gateway.wire.length = 0;
      gateway.fire('file_emails', { ...event, ...said });
      expect(recorder.calls).toEqual(before);
    },
  );

  it('remembers since when it is stale, through all attempts', () => {
    const recorder = live();
    jest.advanceTimersByTime(60_000);
    gateway.drop();
    jest.advanceTimersByTime(60_000);
    gateway.fire('connect_error', new Error('still away'));
    expect(recorder.listener.state).toMatchObject({ state: 'stale', since: 1_060_000 });
    gateway.connect();
    expect(recorder.listener.state).toMatchObject({ state: 'catching-up', since: 1_060_000 });
  });

  it('stays away as long as a draining gateway asks for, and no shorter', () => {
    const recorder = live();
    gateway.fire('server_draining', { reconnectInMs: 2000 });
    expect(recorder.listener.state.state).toBe('live'); // the last events may still come
    gateway.drop();
    expect(recorder.listener.state).toMatchObject({ state: 'stale', reason: 'draining' });
    jest.advanceTimersByTime(1999);
    expect(gateway.connects).toBe(0);
    jest.advanceTimersByTime(1001);
    expect(gateway.connects).toBe(1);
    gateway.settle();
    expect(recorder.listener.state.state).toBe('live');
  });

  it('comes back by itself after a disconnect by the server, but not after one by its owner', () => {
    live();
    gateway.drop('io server disconnect');
    jest.advanceTimersByTime(500);
    expect(gateway.connects).toBe(1);
    gateway.drop('io client disconnect');
    jest.advanceTimersByTime(600_000);
    expect(gateway.connects).toBe(1);
  });

  it('says once, when it is connected again, why the gateway had cut it off', () => {
    const reasons: string[] = [];
    new Recorder(gateway, { onCutOff: (reason) => reasons.push(reason) });
    gateway.drop('transport close', 'slow_consumer');
    expect(reasons).toEqual([]);
    gateway.connect();
    gateway.drop();
    gateway.connect();
    expect(reasons).toEqual(['slow_consumer']);
  });

  it('tries a handshake again when the gateway says that it may', () => {
    gateway.connected = false;
    new Recorder(gateway);
    gateway.fire('connect_error', Object.assign(new Error('no'), { data: { code: 'unauthorized' } }));
    jest.advanceTimersByTime(600_000);
    expect(gateway.connects).toBe(0);
    gateway.fire('connect_error', Object.assign(new Error('later'), { data: { retryable: true } }));
    jest.advanceTimersByTime(500);
    expect(gateway.connects).toBe(1);
  });

  it('stops when the gateway ends the subscription, and comes back on resume()', () => {
    const recorder = live();
    gateway.fire('unsubscribed', { fileId: FILE, code: 'token_expired' });
    expect(recorder.calls).toEqual(['unsubscribed token_expired']);
    expect(recorder.listener.state).toMatchObject({ state: 'stale', reason: 'unsubscribed' });
    gateway.change('a', ['a0', 'a1']);
    gateway.wire.length = 0;
    recorder.listener.resume();
    expect(gateway.requests[0]?.request.since).toEqual({ epoch: 'e1', revision: 1 });
    gateway.settle();
    expect(recorder.places).toEqual(placesOf(gateway));
  });
});

describe('deletion', () => {
  it('is reported, and a later generation of the file starts over', () => {
    const recorder = live();
    gateway.deleteFile();
    gateway.settle();
    expect(recorder.calls).toEqual(['deleted']);
    gateway.change('n', ['n0']);
    settle();
    expect(recorder.calls).toEqual(['deleted', 'snapshot e2/1']);
  });

  it('does not let an answer from before it bring the addresses back', () => {
    gateway.change('a', ['a0']);
    gateway.wire.length = 0;
    const recorder = new Recorder(gateway);
    gateway.answer();
    gateway.deleteFile();
    gateway.wire.reverse(); // the deletion overtakes the answer
    gateway.settle();
    expect(recorder.calls).toEqual(['deleted', 'snapshot e2/0']);
    expect(recorder.places).toEqual([]);
  });
});

describe('closing', () => {
  it('takes its handlers away, unsubscribes, and is a no-op the second time', () => {
    const recorder = live();
    recorder.listener.close();
    recorder.listener.close();
    expect(gateway.handlerCount).toBe(0);
    expect(gateway.requests.map(({ event }) => event)).toEqual(['unsubscribe']);
    gateway.fire('file_stats', gateway.changeStatsOnly());
    expect(recorder.calls).toEqual([]);
  });

  it('may happen in a callback', () => {
    gateway.change('a', ['a0']);
    gateway.wire.length = 0;
    const seen: string[] = [];
    const listener = listenToFile(gateway, FILE, {
      onSnapshot: () => {
        seen.push('snapshot');
        listener.close();
      },
      onEmails: () => seen.push('emails'),
      onState: ({ state }) => seen.push(state),
    });
    gateway.answer();
    gateway.change('a', ['a0', 'a1']);
    gateway.wire.push(...gateway.wire.splice(0, 1));
    gateway.settle();
    expect(seen).toEqual(['catching-up', 'snapshot']);
  });

  it('unsubscribes again when the subscription is answered after the end', () => {
    const recorder = new Recorder(gateway);
    const request = gateway.requests.shift();
    recorder.listener.close();
    gateway.requests.length = 0;
    request?.ack(gateway.subscribed(request.request));
    expect(gateway.requests.map(({ event }) => event)).toEqual(['unsubscribe']);
  });

  it('tries again when there were too many requests for it', () => {
    const recorder = live();
    recorder.listener.close();
    gateway.requests
      .shift()
      ?.ack({ ok: false, error: { code: 'rate_limited', message: 'slow down', retryable: true } });
    jest.advanceTimersByTime(1000);
    expect(gateway.requests.map(({ event }) => event)).toEqual(['unsubscribe']);
    gateway.requests.shift()?.ack({ ok: true });
    jest.advanceTimersByTime(600_000);
    expect(gateway.requests).toHaveLength(0);
  });

  it('of one listener does not end the subscription of another on the same socket', () => {
    const both = live();
    const statsOnly = new Recorder(gateway, { feeds: ['stats'] });
    expect(gateway.requests[0]?.request.feeds?.toSorted()).toEqual(['emails', 'stats']);
    gateway.settle();
    gateway.change('a', ['a0', 'a1']);
    gateway.settle();
    expect(statsOnly.calls).toEqual(['snapshot e1/1', 'stats e1/2']);
    statsOnly.listener.close();
    expect(gateway.requests).toHaveLength(0);
    both.listener.close();
    expect(gateway.requests.map(({ event }) => event)).toEqual(['unsubscribe']);
  });
});
