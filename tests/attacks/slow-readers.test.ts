import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { retry } from '../support/wait.js';

const KIB = 1024;
const FAST = effort(20, 50);
const SLOW = 8;
/** Results in a change, and bytes in each of them: a few hundred kilobytes an event. */
const RESULTS = 20;
const REASON = 'x'.repeat(20 * KIB);
/** The system's own buffers take some megabytes of each connection before anything waits in the gateway. */
const MAX_CHANGES = 100;
/** Changes after all slow listeners were cut off. */
const MORE_CHANGES = effort(8, 20);
/** What the process may grow by, its garbage included; what was sent, kept once for each who does not read, is more. */
const MAX_GROWTH = 160 * KIB * KIB;

test('listeners that read get every revision while slow listeners are cut off', async () => {
  const { url } = await spawnGateway({ MAX_BUFFERED_BYTES: String(512 * KIB), FLUSH_INTERVAL_MS: '0' });
  const producer = new Producer(url);
  const figure = async (name: string) => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(await producer.text('/metrics'));
    return Number(found?.[1] ?? Number.NaN);
  };
  const fast = await Promise.all(Array.from({ length: FAST }, () => new StrictListener('f').join(url)));
  const slow = await Promise.all(
    Array.from({ length: SLOW }, async () => {
      const raw = await RawWebSocket.open(url);
      raw.send('40');
      await raw.received('40');
      raw.send('420["subscribe",{"fileId":"f"}]');
      await raw.received('430');
      raw.stopReading();
      return raw;
    }),
  );

  let changes = 0;
  let growth = 0;
  const before = await figure('process_resident_memory_bytes');
  const change = async () => {
    const results = plainResults(`change${++changes}`, RESULTS, REASON);
    await producer.update(message(`b${changes}`, results, { fileId: 'f', isComplete: true }));
    const hasCome = (listener: StrictListener) =>
      listener.copy.size === changes * RESULTS && listener.stats?.progress.processed === changes * RESULTS;
    await Promise.all(fast.map((listener) => listener.until(() => hasCome(listener), 30_000)));
    growth = Math.max(growth, (await figure('process_resident_memory_bytes')) - before);
  };
  const cutOff = () => figure('verigate_slow_consumers_total');
  while ((await cutOff()) < SLOW && changes < MAX_CHANGES) await change();
  expect(await cutOff()).toBe(SLOW);
  for (let more = 0; more < MORE_CHANGES; more++) await change();

  const last = Number((await new Reading(producer, 'f').stats()).revision);
  expect(last).toBeGreaterThanOrEqual(changes);
  const revisions = Array.from({ length: last }, (_, index) => index + 1);
  for (const listener of fast) {
    expect(listener.emailsEvents().map(({ revision }) => revision)).toEqual(revisions);
    expect({ gaps: listener.gaps, faults: listener.faults, isConnected: listener.isConnected }).toEqual({
      gaps: 0,
      faults: [],
      isConnected: true,
    });
  }
  expect(await cutOff()).toBe(SLOW);
  expect(growth).toBeLessThan(MAX_GROWTH);
  // Nothing waits for those who were cut off, whether they ever read again or not.
  await retry(async () => expect(await figure('verigate_sockets')).toBe(FAST), 60_000);
  for (const raw of slow) raw.readOn();
  await Promise.all(slow.map((raw) => raw.until(() => raw.isClosed)));
}, 180_000);
