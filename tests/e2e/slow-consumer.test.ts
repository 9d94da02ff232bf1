import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { connect, subscribe } from '../support/socket.js';
import { retry } from '../support/wait.js';

const KIB = 1024;
/** The system's own buffers take some megabytes before anything waits in the gateway. */
const MORE_THAN_THE_SYSTEM_HOLDS = 24 * KIB * KIB;

async function slowConsumers(url: string): Promise<number> {
  const text = await new Producer(url).text('/metrics');
  return Number(/^verigate_slow_consumers_total (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function joined(url: string): Promise<RawWebSocket> {
  const raw = await RawWebSocket.open(url);
  raw.send('40');
  await raw.received('40');
  return raw;
}

test('a listener that never reads is cut off, and no other listener waits for it', async () => {
  const { url } = await startTestGateway({ MAX_BUFFERED_BYTES: String(64 * KIB), FLUSH_INTERVAL_MS: '0' });
  const producer = new Producer(url);
  const raw = await joined(url);
  raw.send('420["subscribe",{"fileId":"f"}]');
  await raw.received('430');
  const reader = await new StrictListener('f').join(url);
  raw.stopReading();

  const batches = 12;
  const size = 250;
  const reason = 'x'.repeat(MORE_THAN_THE_SYSTEM_HOLDS / batches / size);
  for (let batch = 0; batch < batches; batch++) {
    const results = plainResults(`batch-${batch}`, size, reason);
    await producer.update(
      message(`b${batch}`, results, { fileId: 'f', isComplete: true, totalBatches: batches }),
    );
  }
  await reader.until(() => reader.stats?.status === 'completed', 30_000);
  expect(reader.copy.size).toBe(batches * size);
  expect(reader.faults).toEqual([]);
  expect(reader.gaps).toBe(0);
  expect(reader.isConnected).toBe(true);
  const stored = (await new Reading(producer, 'f').ndjson()).map(({ email }) => email);
  expect(reader.results(stored.map((_, number) => `b${number}`)).map(({ email }) => email)).toEqual(stored);

  expect(await slowConsumers(url)).toBe(1);
  raw.readOn();
  await raw.until(() => raw.isClosed, 10_000);
  // Its reason comes last, if what waited before it got through in the time that is left to it.
  if (raw.closing !== null) expect(raw.closing).toEqual({ code: 1008, reason: 'slow_consumer' });
});

test('a listener that reads is not cut off by many results at once', async () => {
  const { url } = await startTestGateway();
  const producer = new Producer(url);
  const reader = await new StrictListener('f').join(url);
  const batchIds = Array.from({ length: 40 }, (_, number) => `b${number}`);
  for (const batchId of batchIds)
    await producer.update(
      message(batchId, plainResults(batchId, 150, 'x'.repeat(500)), { isComplete: true }),
    );
  // All that was held comes out in one change: several times MAX_BUFFERED_BYTES.
  await producer.register('f', { batches: batchIds.map((batchId) => ({ batchId })) });
  await reader.until(() => reader.stats?.status === 'completed');
  expect(reader.copy.size).toBe(6000);
  expect(reader.faults).toEqual([]);
  expect(await slowConsumers(url)).toBe(0);
});

/** A file whose first page is of the given size. */
async function largeFile(url: string, fileId: string, bytes: number): Promise<void> {
  const results = plainResults('jane', 50, 'x'.repeat(bytes / 50));
  await new Producer(url).update(message(`${fileId}/b`, results, { fileId, total: 1000 }));
}

test('a client that asks again and again, and never reads the answers, is cut off too', async () => {
  const { url } = await startTestGateway({
    MAX_BUFFERED_BYTES: String(64 * KIB),
    MAX_EVENTS_PER_SECOND: '10000',
  });
  const size = 256 * KIB;
  await largeFile(url, 'f', size);
  const raw = await joined(url);
  raw.stopReading();
  const questions = MORE_THAN_THE_SYSTEM_HOLDS / size;
  for (let id = 0; id < questions; id++) raw.send(`42${id}["subscribe",{"fileId":"f"}]`);
  const other = await connect(url);
  await retry(async () => {
    expect((await subscribe(other, { fileId: 'f' })).stats.progress.processed).toBe(50);
    expect(await slowConsumers(url)).toBe(1);
  }, 20_000);
});

test('a client that reads its answers is no slow consumer, however large they are and however long it takes', async () => {
  const { url } = await startTestGateway({ MAX_BUFFERED_BYTES: String(64 * KIB), FLUSH_INTERVAL_MS: '0' });
  const producer = new Producer(url);
  const fileIds = Array.from({ length: 40 }, (_, number) => `f${number}`);
  for (const fileId of fileIds) await largeFile(url, fileId, 512 * KIB);
  const raw = await joined(url);
  for (const [id, fileId] of fileIds.entries())
    raw.send(`42${id}["subscribe",${JSON.stringify({ fileId })}]`);
  await raw.received('430');
  raw.stopReading();
  // The first of the files goes on while the answers are on their way.
  const witness = await new StrictListener('f0').join(url);
  for (let upTo = 1; upTo <= 12; upTo++) {
    await producer.update(message('f0/more', plainResults('joe', 100), { fileId: 'f0', upTo }));
    await witness.until(() => witness.stats?.progress.processed === 50 + upTo);
  }
  raw.readOn();
  await raw.until(() => raw.isClosed || raw.texts.filter((text) => text.startsWith('43')).length === 40);
  await raw.until(() => raw.isClosed || raw.texts.some((text) => text.includes('"processed":62')));
  expect(raw.isClosed).toBe(false);
  expect(await slowConsumers(url)).toBe(0);
});

/** A gateway with a file of which a listener that comes back has missed 6 MiB, where 8 MiB of answers may wait. */
async function missedMuch() {
  const { url } = await startTestGateway({
    MAX_UNREAD_BYTES: String(8 * KIB * KIB),
    FEED_HISTORY_BYTES: String(16 * KIB * KIB),
    MAX_PAGE_BYTES: String(KIB * KIB),
  });
  const producer = new Producer(url);
  const update = (results: number, length: number) => {
    const list = plainResults(`to ${results}`, results, 'x'.repeat(length));
    return producer.update(message(`b${results}`, list, { fileId: 'f', isComplete: true }));
  };
  await update(1, 1);
  const { epoch, revision } = await new Reading(producer, 'f').stats();
  await update(64, 96 * KIB);
  const since = { epoch, revision };
  const other = await connect(url);
  expect((await subscribe(other, { fileId: 'f', since })).recovered).toBe(true);
  return { url, question: `420["subscribe",${JSON.stringify({ fileId: 'f', since })}]` };
}

test('large answers that sockets do not read have a limit together', async () => {
  const { url, question } = await missedMuch();
  const all = [await joined(url), await joined(url), await joined(url)];
  for (const [index, raw] of all.entries()) {
    raw.stopReading();
    raw.send(question);
    await retry(async () => expect(await slowConsumers(url)).toBe(index));
  }
  for (const raw of all) raw.readOn();
  await Promise.all(all.map((raw, index) => raw.until(() => (index < 2 ? raw.isClosed : raw.has('430')))));
  expect(all[2]?.isClosed).toBe(false);
});

test('large answers to polls that are not read have the same limit', async () => {
  const { url, question } = await missedMuch();
  const headers = { 'Accept-Encoding': 'identity' };
  const poll = async (sid = '', body?: string) =>
    fetch(
      `${url}/socket.io/?EIO=4&transport=polling${sid}`,
      body === undefined ? { headers } : { method: 'POST', body },
    );
  const asked = async () => {
    const { sid } = JSON.parse((await (await poll()).text()).slice(1)) as { sid: string };
    await poll(`&sid=${sid}`, '40');
    await (await poll(`&sid=${sid}`)).text();
    await poll(`&sid=${sid}`, question);
    return poll(`&sid=${sid}`);
  };
  const [first, second] = [await asked(), await asked()];
  await expect(first.text()).rejects.toThrow();
  expect(await second.text()).toContain('430[');
});
