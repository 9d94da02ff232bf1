/**
 * Files come and go for hours while something is taken away every minute: `SOAK_MINUTES=120` soaks for two hours.
 * In a thorough run each fault comes once, without a pause. What is measured is written to stderr.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { expectComplete, expectHealthy, untilReadiness } from '../support/checks.js';
import { describeWhere } from '../support/describe-where.js';
import { isThorough } from '../support/effort.js';
import { StrictListener } from '../support/listener.js';
import { describeWithOwnMongo } from '../support/mongo-server.js';
import { Producer, pathOf } from '../support/producer.js';
import { hasRedis } from '../support/redis-server.js';
import { RetryingProducer } from '../support/retrying-producer.js';
import { SimulatedWorkers } from '../support/simulated-workers.js';
import { distributed, embedded, type Fault, type Installation } from './installation.js';

const MINUTES = Number(process.env.SOAK_MINUTES ?? 0);
const ROUND_MS = MINUTES > 0 ? 60_000 : 0;
/** Undisturbed work before and after the fault of a round. */
const WORK_MS = MINUTES > 0 ? 12_000 : 500;
const LONG_MS = 60_000;
const MB = 2 ** 20;

/** Listeners of the file at each gateway. Whoever is cut off comes back to the one that stands in its place. */
async function listening({ gateways }: Installation, fileId: string) {
  const listeners = await Promise.all(
    gateways.map(({ url }) => new StrictListener(fileId, { isPatient: true }).join(url)),
  );
  const comeBack = async () => {
    for (const [at, listener] of listeners.entries())
      if (!listener.isConnected) await listener.join(gateways[at]?.url ?? '');
  };
  return { listeners, comeBack };
}

/** One round: new files at work, a fault in the middle, everything complete, and the files deleted. */
async function round(installation: Installation, number: number, fault: Fault) {
  const urls = () => installation.gateways.map(({ url }) => url);
  const producer = new RetryingProducer(urls);
  const files = installation.wires.map(
    (wire, at) => new SimulatedWorkers(`r${number}f${at}`, number, producer, wire),
  );
  const audiences = await Promise.all(files.map(({ fileId }) => listening(installation, fileId)));
  await Promise.all(files.map((file) => file.start(1)));
  await pause(WORK_MS);
  await fault.strike();
  for (const { comeBack } of audiences) await comeBack();
  await pause(WORK_MS);
  await Promise.all(urls().map((url) => untilReadiness(url)));
  const startedAt = performance.now();
  let sent = 0;
  let results = 0;
  for (const [at, file] of files.entries()) {
    await file.stop();
    const { listeners, comeBack } = audiences[at] as (typeof audiences)[number];
    await comeBack();
    await expectComplete(urls(), file.oracle, listeners, LONG_MS);
    sent += file.sent;
    results += listeners[0]?.copy.size ?? 0;
    await producer.call(204, 'DELETE', pathOf(file.fileId));
    await Promise.all(listeners.map((listener) => listener.until(() => listener.isDeleted, LONG_MS)));
    for (const listener of listeners) listener.leave();
    for (const url of urls())
      expect((await new Producer(url).get(`${pathOf(file.fileId)}/stats`)).status).toBe(404);
  }
  for (const gateway of installation.gateways) expectHealthy(gateway);
  return { sent, results, settledMs: Math.round(performance.now() - startedAt) };
}

async function soak(name: string, start: () => Promise<Installation>): Promise<void> {
  const installation = await start();
  const { faults } = installation;
  const until = performance.now() + MINUTES * 60_000;
  const heaps: number[] = [];
  for (let number = 0; number < faults.length || performance.now() < until; number++) {
    const next = performance.now() + ROUND_MS;
    const fault = faults[number % faults.length] as Fault;
    const done = await round(installation, number, fault);
    const { heapUsed, rss } = await installation.memory();
    heaps.push(heapUsed / MB);
    const line = { name, round: number, fault: fault.name, ...done, heapMb: mb(heapUsed), rssMb: mb(rss) };
    process.stderr.write(`soak: ${JSON.stringify(line)}\n`);
    await pause(Math.max(0, next - performance.now()));
  }
  // Each third of the run holds gateways of every age.
  const third = Math.floor(heaps.length / 3);
  const mean = (some: readonly number[]) => some.reduce((sum, heap) => sum + heap, 0) / some.length;
  if (MINUTES > 0) expect(mean(heaps.slice(-third))).toBeLessThan(mean(heaps.slice(third, 2 * third)) * 1.15);
}

const mb = (bytes: number): number => Math.round(bytes / MB);

const isAsked = MINUTES > 0 || isThorough;
const LIMIT_MS = (MINUTES + 10) * 60_000;

if (!isAsked)
  process.stderr.write('SKIPPED: the soak; set SOAK_MINUTES, or THOROUGH=1 for each fault once\n');

(isAsked ? describe : describe.skip)('a soak with a fault every minute', () => {
  test('of one gateway on SQLite', () => soak('embedded', embedded), LIMIT_MS);

  describeWithOwnMongo('of two gateways', () =>
    describeWhere(hasRedis, 'redis-server is not on the PATH', 'on MongoDB and Redis', () => {
      test('at every inlet', () => soak('distributed', distributed), LIMIT_MS);
    }),
  );
});
