import { expect, test } from '@jest/globals';
import { PacketBundle } from '../../src/realtime/frames.js';
import { ListenerList } from '../../src/realtime/listener-lists.js';
import type { ClientSocket } from '../../src/realtime/server-types.js';
import { WriteQueue } from '../../src/realtime/write-queue.js';

test('the list that the writes of one change have in common counts once for what may wait', () => {
  const done = { written: 0, cutOff: 0 };
  const queue = new WriteQueue({
    maxBytes: 100_000,
    write: () => done.written++,
    cutOff: () => done.cutOff++,
    finished: () => undefined,
  });
  const listeners = Array.from({ length: 1_000 }, () => ({
    socket: {} as ClientSocket,
    feeds: 'both' as const,
  }));
  const list = new ListenerList(listeners);
  const bundle = new PacketBundle([]);
  const bundles = { both: bundle, stats: bundle, emails: bundle };
  for (let n = 0; n < 10; n++) queue.add('f1', { list, bundles, sentAt: 0, arrivedAt: undefined });
  queue.writeSome({ sockets: 100_000, bytes: 100_000 });
  expect(done).toEqual({ written: 10_000, cutOff: 0 });
});
