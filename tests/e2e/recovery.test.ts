import { describe, expect, test } from '@jest/globals';
import { spawnGateway, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer, pathOf } from '../support/producer.js';
import type { EmailsEvent } from '../support/protocol.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { connect, subscribe } from '../support/socket.js';
import { retry } from '../support/wait.js';

const RESULTS = plainResults('jane', 100);

/** Lets a file of one batch grow by ten results at a time, each announced before the next comes. */
async function grow(url: string, fileId: string, steps: number, witness: StrictListener): Promise<void> {
  const producer = new Producer(url);
  const batchId = `${fileId}/b`;
  await producer.register(fileId, { batches: [{ batchId, totalEmails: 100 }] });
  for (let step = 1; step <= steps; step++) {
    await producer.update(message(batchId, RESULTS, { upTo: step * 10, total: 100 }));
    await witness.until(() => witness.stats?.progress.processed === step * 10);
  }
}

test('a listener that comes back while the file runs gets exactly what it missed', async () => {
  const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '2' });
  const producer = new Producer(url);
  const update = (upTo: number) =>
    producer.update(message('b', RESULTS, { upTo, total: 100, isComplete: upTo === 100 }));
  await producer.register('f', { batches: [{ batchId: 'b', totalEmails: 100 }] });
  const witness = await new StrictListener('f').join(url);
  const leaver = await new StrictListener('f').join(url);
  for (const upTo of [10, 20, 30]) {
    await update(upTo);
    await leaver.until(() => leaver.stats?.progress.processed === upTo);
  }
  leaver.leave();
  const since = leaver.cursor;
  for (const upTo of [35, 36, 50, 60]) {
    await update(upTo);
    await witness.until(() => witness.stats?.progress.processed === upTo);
  }
  leaver.begin(url);
  for (const upTo of [61, 62, 63, 70, 80, 90, 99, 100]) await update(upTo);
  for (const listener of [witness, leaver])
    await listener.until(() => listener.stats?.status === 'completed');

  const answer = leaver.answers.at(-1);
  expect(answer).toMatchObject({ recovered: true, epoch: since?.epoch });
  const missed = witness
    .emailsEvents()
    .filter(({ revision }) => revision > (since?.revision ?? 0) && revision <= (answer?.revision ?? 0));
  expect(missed.length).toBeGreaterThanOrEqual(4);
  expect(answer?.missed).toEqual(missed);
  expect(leaver.results(['b'])).toEqual(await new Reading(producer, 'f').ndjson());
  expect([...leaver.faults, ...witness.faults]).toEqual([]);
});

describe('how far back a listener may have been', () => {
  /** Asks from every revision at once which of them can be recovered, and checks what is answered where it can. */
  async function recoverable(url: string, fileId: string, events: readonly EmailsEvent[]): Promise<number[]> {
    const socket = await connect(url);
    const { epoch, revision: head } = await subscribe(socket, { fileId });
    const revisions = Array.from({ length: head + 2 }, (_, revision) => revision);
    const recovered: number[] = [];
    for (const revision of revisions) {
      const answer = await subscribe(socket, { fileId, since: { epoch, revision } });
      if (!answer.recovered) {
        expect(answer.missed).toBeUndefined();
        expect(answer.emails?.emails.length).toBe(Math.min(50, answer.stats.progress.processed));
        continue;
      }
      recovered.push(revision);
      expect(answer.missed).toEqual(events.filter((event) => event.revision > revision));
    }
    expect(await subscribe(socket, { fileId, since: { epoch: `${epoch}x`, revision: head } })).toMatchObject({
      recovered: false,
      epoch,
    });
    return recovered;
  }

  test('FEED_HISTORY revisions', async () => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0', FEED_HISTORY: '4' });
    const witness = await new StrictListener('f').join(url);
    await grow(url, 'f', 9, witness);
    const head = witness.cursor?.revision ?? 0;
    const events = witness.emailsEvents();
    expect(await recoverable(url, 'f', events)).toEqual([head - 4, head - 3, head - 2, head - 1, head]);
  });

  test('FEED_HISTORY_BYTES of them', async () => {
    const bytes = 9_000;
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0', FEED_HISTORY_BYTES: String(bytes) });
    const witness = await new StrictListener('f').join(url);
    await grow(url, 'f', 9, witness);
    let room = bytes;
    const kept = witness
      .emailsEvents()
      .reverse()
      .filter((event) => {
        room -= Buffer.byteLength(JSON.stringify(event));
        return room >= 0;
      });
    expect(kept.length).toBeGreaterThan(1);
    const head = witness.cursor?.revision ?? 0;
    const expected = Array.from({ length: kept.length + 1 }, (_, index) => head - kept.length + index);
    expect(await recoverable(url, 'f', witness.emailsEvents())).toEqual(expected);
  });

  test('none at all: only a listener that missed nothing is up to date', async () => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0', FEED_HISTORY: '0' });
    const witness = await new StrictListener('f').join(url);
    await grow(url, 'f', 3, witness);
    expect(await recoverable(url, 'f', witness.emailsEvents())).toEqual([witness.cursor?.revision]);
  });

  test('FEED_TTL_MS after the last change, unless the file has a listener', async () => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0', FEED_TTL_MS: '30' });
    const producer = new Producer(url);
    const heard = await new StrictListener('heard').join(url);
    const unheard = await new StrictListener('unheard').join(url);
    await grow(url, 'heard', 1, heard);
    await grow(url, 'unheard', 2, unheard);
    unheard.leave();
    await retry(async () => {
      const { body } = await producer.get(`${pathOf('unheard')}/stats`);
      expect(body.epoch).not.toBe(unheard.cursor?.epoch);
    });
    expect((await producer.get(`${pathOf('heard')}/stats`)).body.epoch).toBe(heard.cursor?.epoch);
    await unheard.join(url);
    expect(unheard.answers.at(-1)).toMatchObject({ recovered: false });
    expect(unheard.results([])).toEqual(await new Reading(producer, 'unheard').ndjson());
    expect(unheard.faults).toEqual([]);
  });
});

test('after a restart of the process a listener starts over, and has the same file', async () => {
  const env = { DATA_DIR: temporaryDirectory() };
  const first = await spawnGateway(env);
  const listener = await new StrictListener('f').join(first.url);
  await grow(first.url, 'f', 7, listener);
  const before = listener.cursor;
  const copy = listener.results([]);
  expect(await first.end('SIGTERM')).toBe(0);
  expect(listener.draining?.reconnectInMs).toEqual(expect.any(Number));

  const second = await spawnGateway(env);
  await listener.join(second.url);
  expect(listener.answers.at(-1)).toMatchObject({ recovered: false });
  expect(listener.cursor?.epoch).not.toBe(before?.epoch);
  expect(listener.results([])).toEqual(copy);
  await new Producer(second.url).update(message('f/b', RESULTS, { isComplete: true }));
  await listener.until(() => listener.stats?.status === 'completed');
  expect(listener.copy.size).toBe(100);
  expect(listener.faults).toEqual([]);
});

test('a later request begins a new epoch: nothing of the earlier one is left', async () => {
  const { url } = await startTestGateway();
  const producer = new Producer(url);
  const listener = await new StrictListener('f').join(url);
  await producer.register('f', { requestId: 'r1', batches: [{ batchId: 'old', totalEmails: 100 }] });
  await producer.update(message('old', RESULTS, { upTo: 60, total: 100 }));
  await listener.until(() => listener.copy.size === 60);
  const before = listener.cursor;
  await producer.register('f', { requestId: 'r2', batches: [{ batchId: 'new', totalEmails: 3 }] });
  expect(await producer.update(message('old', RESULTS, { isComplete: true }))).toBe('superseded');
  await producer.update(message('new', plainResults('joe', 3), { isComplete: true }));
  await listener.until(() => listener.stats?.status === 'completed');
  expect(listener.cursor?.epoch).not.toBe(before?.epoch);
  expect(listener.results([])).toEqual(await new Reading(producer, 'f').ndjson());
  expect(listener.copy.size).toBe(3);
  expect(listener.faults).toEqual([]);
});
