import { expect, test } from '@jest/globals';
import { tracesInDirectory } from '../support/canaries.js';
import { startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { connect, subscribe } from '../support/socket.js';
import { Signal } from '../support/wait.js';

const CANARY = 'canary-7f3a9';

test('every listener is notified, whatever its feeds, and late updates bring nothing back', async () => {
  const directory = temporaryDirectory();
  const { url } = await startTestGateway({ DATA_DIR: directory });
  const producer = new Producer(url);
  const listeners = await Promise.all([
    new StrictListener('f').join(url),
    new StrictListener('f', { feeds: ['stats'] }).join(url),
    new StrictListener('f', { feeds: ['emails'], transports: ['polling'] }).join(url),
  ]);
  const other = await new StrictListener('other').join(url);
  const results = plainResults(CANARY, 40);
  const named = { fileId: 'f', requestId: 'r' };
  await producer.update(message('b', results, { upTo: 30, total: 40, ...named }));
  await producer.update(message('of the other', plainResults('joe', 3), { fileId: 'other' }));
  await Promise.all(
    listeners.map((listener) =>
      listener.until(() => listener.cursor?.revision === 1 || listener.stats?.progress.processed === 30),
    ),
  );
  expect(traces(directory)).not.toEqual([]);

  expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
  await Promise.all(listeners.map((listener) => listener.until(() => listener.isDeleted)));
  expect(other.isDeleted).toBe(false);
  expect(traces(directory)).toEqual([]);
  expect((await producer.call('DELETE', '/api/files/f')).status).toBe(404);

  const late = message('b', results, { isComplete: true });
  for (const update of [late, { ...late, ...named }, { ...late, fileId: 'f' }])
    expect(await producer.update(update)).toBe('superseded');
  const socket = await connect(url);
  expect(await subscribe(socket, { fileId: 'f' })).toMatchObject({
    stats: { status: 'pending', progress: { total: 0, processed: 0 }, createdAt: null },
    emails: { emails: [], pagination: { total: 0 } },
  });
  for (const path of ['', '/stats', '/emails', '/export']) {
    const { status, body } = await producer.get(`/api/files/f${path}`);
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'file_not_found' });
  }
  expect(
    ((await producer.get('/api/files')).body.items as { fileId: string }[]).map(({ fileId }) => fileId),
  ).toEqual(['other']);
  // A later update of the other file: when it has arrived, nothing of the deleted file came before it.
  const heard = listeners.map(({ events }) => events.length);
  await producer.update(
    message('of the other', plainResults('joe', 4), { fileId: 'other', isComplete: true }),
  );
  await other.until(() => other.stats?.status === 'completed');
  expect(listeners.map(({ events }) => events.length)).toEqual(heard);
  expect(traces(directory)).toEqual([]);
});

test('a deleted file can be registered again, even with the same ids', async () => {
  const { url } = await startTestGateway();
  const producer = new Producer(url);
  const batches = [{ batchId: 'b', totalEmails: 3 }];
  const first = await new StrictListener('f').join(url);
  await producer.register('f', { requestId: 'r', batches });
  await producer.update(message('b', plainResults(CANARY, 2), { total: 3 }));
  await first.until(() => first.copy.size === 2);
  await producer.call('DELETE', '/api/files/f');
  await first.until(() => first.isDeleted);

  await producer.register('f', { requestId: 'r', batches });
  const second = await new StrictListener('f').join(url);
  expect(second.stats).toMatchObject({ status: 'pending', progress: { total: 3, processed: 0 } });
  expect(second.cursor?.epoch).not.toBe(first.cursor?.epoch);
  expect(await producer.update(message('b', plainResults('joe', 3), { isComplete: true }))).toBe('applied');
  await second.until(() => second.stats?.status === 'completed');
  expect(second.results([]).map(({ email }) => email)).toEqual(
    plainResults('joe', 3).map(({ email }) => email),
  );
  expect(second.faults).toEqual([]);
});

test('under updates and new listeners a deleted file stays deleted', async () => {
  const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '1' });
  const producer = new Producer(url);
  for (let round = 0; round < 10; round++) {
    const fileId = `f${round}`;
    const results = plainResults(CANARY, 60);
    const listener = await new StrictListener(fileId).join(url);
    await producer.update(message(`${fileId}/b`, results, { upTo: 1, total: 60, fileId }));
    const updates = Array.from({ length: 40 }, (_, number) =>
      producer.call('POST', '/api/updates', message(`${fileId}/b`, results, { upTo: number + 2, total: 60 })),
    );
    const late = Array.from({ length: 5 }, () => new StrictListener(fileId).join(url));
    const deleted = producer.call('DELETE', `/api/files/${fileId}`);
    expect((await deleted).status).toBe(204);
    for (const { status } of await Promise.all(updates)) expect(status).toBe(202);
    await listener.until(() => listener.isDeleted);
    await Promise.all(late);
    expect((await producer.get(`/api/files/${fileId}`)).status).toBe(404);
    const again = await new StrictListener(fileId).join(url);
    expect(again.stats).toMatchObject({ status: 'pending', progress: { total: 0, processed: 0 } });
    expect(again.copy.size).toBe(0);
  }
});

test('a listener that is answered after a deletion is subscribed to what comes later', async () => {
  const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0' });
  const producer = new Producer(url);
  const sockets = await Promise.all(Array.from({ length: 16 }, () => connect(url)));
  for (let round = 0; round < 15; round++) {
    const fileId = `f${round}`;
    await producer.update(message(`${fileId}/old`, plainResults(CANARY, 60), { fileId, upTo: 20 }));
    const signal = new Signal();
    /** The last event that each socket received. */
    const last = sockets.map(() => 'nothing');
    const forget = sockets.map((socket, index) => {
      const hear = (name: string, body: { fileId: string }) => {
        if (body.fileId === fileId) last[index] = name;
        signal.changed();
      };
      socket.onAny(hear);
      return () => socket.offAny(hear);
    });
    const deleted = producer.call('DELETE', `/api/files/${fileId}`);
    const answers = sockets.map(async (socket, index) => {
      // One after the other, so that some subscribe before the deletion, some after it, and some during it.
      for (let turn = 0; turn < index * 2; turn++) await new Promise((resolve) => setImmediate(resolve));
      // In the callback and not in a promise's continuation: the next event may come before that.
      await new Promise<void>((resolve) => {
        socket.emit('subscribe', { fileId }, () => {
          last[index] = 'answer';
          resolve();
        });
      });
    });
    await Promise.all([deleted, ...answers]);
    await producer.update(message(`${fileId}/new`, plainResults('joe', 2), { fileId, isComplete: true }));
    await signal.until(
      () => !last.includes('answer') && !last.includes('file_emails'),
      () => `round ${round}: ${last}`,
    );
    for (const stop of forget) stop();
  }
});

const traces = (directory: string): string[] => tracesInDirectory(directory, CANARY);
