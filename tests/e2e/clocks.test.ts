/** The wall clock is set back while a gateway works: nothing stands still, and no time or rate is one that cannot be. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Stats } from '../../src/domain/stats.js';
import { describeCluster } from '../support/cluster.js';
import { isThorough } from '../support/effort.js';
import { spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { settableClock } from '../support/set-clock.js';
import { connect, subscribe } from '../support/socket.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { retry, Signal } from '../support/wait.js';

const HOUR_MS = 3_600_000;
/** Far longer than a flush takes on a busy machine, far shorter than the clock is set back. */
const SOON_MS = 8_000;
const EVERY_MS = 100;
const PER_UPDATE = 2;

/** Every `file_stats` that a listener gets, checked against the one before. */
async function followStats(url: string, fileId: string) {
  const socket = await connect(url);
  const signal = new Signal();
  const seen: Stats[] = [];
  socket.on('file_stats', (stats: Stats) => {
    seen.push(stats);
    signal.changed();
  });
  await subscribe(socket, { fileId });
  const until = (what: string, holds: (stats: Stats) => boolean) =>
    signal.until(
      () => seen.some(holds),
      () => `${what}: ${JSON.stringify(seen.at(-1))}`,
      SOON_MS,
    );
  return { seen, until };
}

async function setBackAndRight(env: NodeJS.ProcessEnv): Promise<void> {
  const clock = settableClock();
  const { url } = await spawnGateway({
    ...env,
    ...clock.env,
    STALL_AFTER_MS: '1500',
    QUEUE_STALL_AFTER_MS: '1500',
  });
  const producer = new Producer(url);
  const results = plainResults('a', 1_000);
  await producer.register('f', { batches: [{ batchId: 'a', totalEmails: 1_000 }, { batchId: 'b' }] });
  const { seen, until } = await followStats(url, 'f');
  let upTo = 0;
  const send = async (updates: number) => {
    for (let update = 0; update < updates; update++) {
      upTo += PER_UPDATE;
      await producer.update(message('a', results, { upTo, total: 1_000 }));
      await pause(EVERY_MS);
    }
    await until(`${upTo} are announced`, ({ progress }) => progress.processed === upTo);
  };
  await send(10);
  for (const off of [-20_000, -HOUR_MS, 0, -HOUR_MS]) {
    clock.set(off);
    await send(5);
  }
  // One and a half seconds of silence are as long as ever.
  await until('both batches are stalled', ({ batches }) => batches.stalled === 2);
  expect(seen.at(-1)?.throughput).toEqual({ emailsPerSecond: null, etaSeconds: null });

  clock.set(-2 * HOUR_MS);
  await producer.update(message('a', results, { isComplete: true, upTo: 1_000 }));
  await producer.update(message('b', plainResults('b', 1), { isComplete: true }));
  await until('the file is completed', ({ status }) => status === 'completed');
  const last = seen.at(-1);
  expect(last?.throughput.etaSeconds).toBeNull();
  expect(Date.parse(last?.completedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(last?.createdAt ?? ''));
  const fastest = (PER_UPDATE * 1_000) / EVERY_MS;
  for (const [index, { throughput, lastUpdated, status, createdAt }] of seen.entries()) {
    const before = seen[index - 1]?.lastUpdated ?? createdAt;
    expect(Date.parse(lastUpdated ?? '')).toBeGreaterThanOrEqual(Date.parse(before ?? ''));
    if (status === 'processing') expect(throughput.emailsPerSecond ?? 0).toBeLessThanOrEqual(fastest * 1.5);
  }
}

/** The clock is set back while no gateway runs: only what is stored knows of the time before. */
async function setBackBetween(env: NodeJS.ProcessEnv): Promise<void> {
  const clock = settableClock();
  const shared = { DATA_DIR: temporaryDirectory(), ...env, ...clock.env };
  const results = plainResults('a', 10);
  const first = await spawnGateway(shared);
  await new Producer(first.url).update(message('a', results, { fileId: 'f', upTo: 5, total: 10 }));
  const { createdAt, lastUpdated } = await new Reading(new Producer(first.url), 'f').stats();
  await first.end('SIGTERM');
  clock.set(-HOUR_MS);
  const { url } = await spawnGateway(shared);
  await new Producer(url).update(message('a', results, { fileId: 'f', isComplete: true }));
  await retry(async () => {
    const stats = await new Reading(new Producer(url), 'f').stats();
    expect(stats).toMatchObject({ status: 'completed', createdAt, lastUpdated, completedAt: lastUpdated });
  });
}

describe('the clock is set back', () => {
  test('announcements, rates, stalls and times go on as before', () => setBackAndRight({}));

  test('between two runs: no time is before those that it follows', () => setBackBetween({}));

  test('a token ends when it would have ended', async () => {
    const clock = settableClock();
    const { url } = await spawnGateway({ ...JWT, ...clock.env });
    const exp = Math.floor(Date.now() / 1000) + 3;
    const token = await tokenOf({ sub: 'jane', files: ['f'], scope: 'read', exp });
    const socket = await connect(url, { auth: { token } });
    const ended = new Promise((resolve) => socket.once('unsubscribed', resolve));
    expect(await subscribe(socket, { fileId: 'f' })).toMatchObject({ ok: true });
    clock.set(-HOUR_MS);
    expect(await ended).toEqual({ fileId: 'f', code: 'token_expired' });
    await expect(subscribe(socket, { fileId: 'f' })).rejects.toThrow(/unauthorized/);
  });
});

if (isThorough)
  describeCluster('the clock of a gateway of a cluster is set back', (env) => {
    test('announcements, rates, stalls and times go on as before', () => setBackAndRight(env()));
    test('between two runs: no time is before those that it follows', () => setBackBetween(env()));
  });
