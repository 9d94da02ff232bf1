import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { type GatewayProcess, spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { Oracle } from '../support/oracle.js';
import { beginUpload, holdOn, nextOf, parsed, runToEnd } from '../support/process.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { Reading } from '../support/reading.js';
import { plainResults } from '../support/results.js';
import { connect, subscribe } from '../support/socket.js';
import { Signal } from '../support/wait.js';

/** Several workers send updates until the gateway refuses them. @returns every status */
async function sendUntilRefused(url: string, oracle: Oracle, onAnswer: () => void): Promise<number[]> {
  const producer = new Producer(url);
  const statuses: number[] = [];
  const worker = async (number: number) => {
    const batchId = `b${number}`;
    const results = plainResults(batchId, 3_000);
    for (let upTo = 10; ; upTo += 10) {
      const update = message(batchId, results, { upTo, total: results.length });
      const answered = oracle.sending(update);
      const answer = await producer.call('POST', '/api/updates', update).catch(() => null);
      if (answer === null) return;
      statuses.push(answer.status);
      if (answer.status !== 202) {
        expect(answer.body).toMatchObject({ code: 'unavailable' });
        return;
      }
      answered();
      onAnswer();
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, number) => worker(number)));
  return statuses;
}

/** Records each change of readiness, until the gateway does not answer. */
async function readiness(url: string, seen: string[], onChange: () => void): Promise<void> {
  for (;;) {
    const answer = await new Producer(url).get('/readyz').catch(() => null);
    const now = answer === null ? 'gone' : `${answer.status} ${JSON.stringify(answer.body.reasons ?? [])}`;
    if (seen.at(-1) !== now) {
      seen.push(now);
      onChange();
    }
    if (answer === null) return;
  }
}

/** Records what happens to a socket: `draining`, then `closed`. */
function noted(socket: Socket): string[] {
  const notes: string[] = [];
  socket.on('server_draining', ({ reconnectInMs }: { reconnectInMs: number }) =>
    notes.push(
      Number.isInteger(reconnectInMs) && reconnectInMs >= 0 ? 'draining' : 'draining without advice',
    ),
  );
  socket.on('disconnect', () => notes.push('closed'));
  return notes;
}

test('stops in an orderly way under a load of updates', async () => {
  // Few connections: a machine may allow too few open files for the usual number, and that is a warning.
  const env = { DATA_DIR: temporaryDirectory(), SHUTDOWN_TIMEOUT_MS: '20000', MAX_CONNECTIONS: '1000' };
  const gateway = await spawnGateway(env);
  const { url } = gateway;
  const oracle = new Oracle('f');
  const batches = Array.from({ length: 8 }, (_, number) => ({ batchId: `b${number}`, totalEmails: 3_000 }));
  await new Producer(url).register('f', { batches });
  oracle.registered({ batches });
  const listeners = [
    await new StrictListener('f').join(url),
    await new StrictListener('f', { transports: ['polling'] }).join(url),
    await new StrictListener('f', { feeds: ['stats'] }).join(url),
  ];
  const notes: string[][] = [];
  for (let number = 0; number < 12; number++) {
    const transports: [string] = [number % 3 === 0 ? 'polling' : 'websocket'];
    const socket = await connect(url, { transports });
    notes.push(noted(socket));
    if (number % 2 === 0) await subscribe(socket, { fileId: 'f' });
  }

  const progress = new Signal();
  let taken = 0;
  const sending = sendUntilRefused(url, oracle, () => {
    taken++;
    progress.changed();
  });
  const seen: string[] = [];
  const watching = readiness(url, seen, () => progress.changed());
  await progress.until(
    () => taken >= 150,
    () => `${taken} taken`,
    30_000,
  );
  // An unfinished upload keeps the gateway from exiting until the test has seen that it is not ready.
  const last = JSON.stringify(message('late', plainResults('late', 1), { fileId: 'late', total: 2 }));
  const upload = await beginUpload(url, last.length);
  const askedAt = Date.now();
  const ending = gateway.end('SIGTERM');
  await progress.until(
    () => seen.length > 1,
    () => seen.join(),
    15_000,
  );
  upload.write(last);
  expect(await nextOf(upload)).toMatch(/^HTTP\/1\.1 202 /);
  expect(await ending).toBe(0);
  expect(Date.now() - askedAt).toBeLessThan(20_000);

  const statuses = new Set(await sending);
  for (const status of statuses) expect([202, 503]).toContain(status);
  await watching;
  expect(seen).toEqual(['200 []', '503 ["draining"]', 'gone']);
  const states = parsed(gateway.log).map(({ msg }) => msg);
  expect(states.slice(-2)).toEqual(['stopping', 'stopped']);
  // A warning would be a failure, such as the one about rooms that cannot be written to directly.
  expect(parsed(gateway.log).filter(({ level }) => level !== 'info')).toEqual([]);
  for (const listener of listeners) await listener.until(() => !listener.isConnected);
  expect(listeners.map(({ draining }) => draining !== null)).toEqual([true, true, true]);
  expect(notes).toEqual(notes.map(() => ['draining', 'closed']));

  const again = await spawnGateway(env);
  expect(await new Reading(new Producer(again.url), 'late').ndjson()).toHaveLength(1);
  const reading = new Reading(new Producer(again.url), 'f');
  const stored = await reading.ndjson();
  const expected = oracle.expected(stored);
  expect(stored.length).toBe(expected.entries.length);
  expect(await reading.stats()).toMatchObject(expected.stats);
  // Everything that was accepted was announced before the sockets were closed.
  for (const listener of listeners) {
    expect(listener.faults).toEqual([]);
    expect(listener.stats?.progress).toEqual(expected.stats.progress);
    if (listener.hears('emails')) expect(listener.copy.size).toBe(stored.length);
  }
});

describe('a gateway stops in time', () => {
  async function withLargeFile(env: NodeJS.ProcessEnv): Promise<GatewayProcess> {
    const gateway = await spawnGateway({ MAX_EVENTS_PER_SECOND: '1000', ...env });
    const producer = new Producer(gateway.url);
    for (let batch = 0; batch < 5; batch++) {
      const results = plainResults(`b${batch}`, 1_000, 'x'.repeat(2_000));
      await producer.update(message(`b${batch}`, results, { fileId: 'f', total: 2_000 }));
    }
    return gateway;
  }

  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const half = 'POST /api/updates HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"batchId":';

  /** Opens connections of every kind that are never closed by their client. */
  async function openIdleConnections(url: string): Promise<void> {
    for (const text of ['', 'GET /livez HT', half, get('/livez'), get('/api/files/f/export?format=ndjson')]) {
      const socket = await holdOn(url, text);
      if (text !== '' && text !== half && !text.endsWith('HT')) await once(socket, 'readable');
      socket.pause();
    }
    const silent = await RawWebSocket.open(url);
    silent.stopReading();
    const deaf = await RawWebSocket.open(url);
    deaf.send('40');
    await deaf.received('40');
    deaf.stopReading();
    for (let id = 0; id < 40; id++) deaf.send(`42${id}["subscribe",{"fileId":"f"}]`);
  }

  test('despite clients that never close and a download that is not read', async () => {
    const gateway = await withLargeFile({ SHUTDOWN_TIMEOUT_MS: '3000' });
    await openIdleConnections(gateway.url);
    const askedAt = Date.now();
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(Date.now() - askedAt).toBeLessThan(3_500);
    expect(parsed(gateway.log).at(-1)).toMatchObject({ msg: 'stopped' });
  });

  test('a second signal ends it at once, unless it comes within a second of the first', async () => {
    const gateway = await spawnGateway({ SHUTDOWN_TIMEOUT_MS: '600000' });
    const upload = await beginUpload(gateway.url, 1_000);
    const saysThat = (word: string) =>
      new Promise<void>((resolve) => {
        gateway.child.stdout?.on('data', (text: Buffer) => {
          if (text.includes(word)) resolve();
        });
      });
    const stopping = saysThat('"stopping"');
    for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM'] as const) gateway.child.kill(signal);
    await stopping;
    gateway.child.kill('SIGINT');
    // It waits for the upload: all of these were one signal.
    upload.write(' '.repeat(1_000));
    expect(await nextOf(upload)).toMatch(/^HTTP\/1\.1 400 /);
    const again = await spawnGateway({ SHUTDOWN_TIMEOUT_MS: '600000' });
    await beginUpload(again.url, 1_000);
    again.child.kill('SIGINT');
    await setTimeout(1_100);
    const askedAt = Date.now();
    expect(await again.end('SIGTERM')).toBe(1);
    expect(Date.now() - askedAt).toBeLessThan(20_000);
    expect(parsed(again.log).at(-1)?.msg).toMatch(/second signal/);
    expect(await gateway.end('SIGINT')).toBe(0);
  });

  test('a signal while it starts ends it', async () => {
    const { code, lines } = await runToEnd({ SHUTDOWN_TIMEOUT_MS: '5000' }, (child) => child.kill('SIGTERM'));
    expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['engine', 'stopping']));
    // The first log line triggers the signal; the others are written while it stops.
    expect([0, 1]).toContain(code);
  });
});
