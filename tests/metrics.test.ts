import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { DeliveryTimes } from '../src/metrics/delivery-times.js';
import { createMetrics } from '../src/metrics.js';
import { startTestGateway } from './support/gateway.js';
import { message, Producer } from './support/producer.js';
import { plainResults } from './support/results.js';
import { ask, connect, open, subscribe } from './support/socket.js';
import { retry } from './support/wait.js';

/** The samples of a gateway, by name and labels as they are written. */
async function samplesOf(url: string): Promise<Map<string, number>> {
  const text = await new Producer(url).text('/metrics');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('an update is followed from its arrival to the sockets', async () => {
  const { url } = await startTestGateway();
  const socket = await connect(url);
  await subscribe(socket, { fileId: 'f' });
  const heard = new Promise((resolve) => socket.once('file_stats', resolve));
  await new Producer(url).update(message('b', plainResults('jane', 5), { fileId: 'f', isComplete: true }));
  await heard;
  await retry(async () => {
    const samples = await samplesOf(url);
    expect(samples.get('verigate_delivery_seconds_count')).toBe(1);
    expect(samples.get('verigate_delivery_seconds_sum')).toBeGreaterThan(0);
    expect(samples.get('verigate_delivery_seconds_sum')).toBeLessThan(30);
    expect(samples.get('verigate_inlet_messages_total{inlet="http",outcome="applied"}')).toBe(1);
    expect(samples.get('verigate_sockets')).toBe(1);
    expect(samples.get('verigate_socket_pending_bytes')).toBe(0);
    expect(
      samples.get('verigate_dependency_call_seconds_count{dependency="database",call="updates.save"}'),
    ).toBe(1);
  });
});

test('what is refused is counted by its reason, and no label is chosen by a caller', async () => {
  const { url } = await startTestGateway({ MAX_CONNECTIONS: '1', MAX_SUBSCRIPTIONS_PER_SOCKET: '1' });
  const stranger = open(url, { extraHeaders: { Origin: 'https://jane.example' } });
  await new Promise((resolve) => stranger.once('connect_error', resolve));
  const socket = await connect(url);
  const second = open(url);
  await new Promise((resolve) => second.once('connect_error', resolve));
  await subscribe(socket, { fileId: 'jane@example.com' });
  await ask(socket, 'subscribe', { fileId: 'another' });
  await ask(socket, 'subscribe', {});
  await ask(socket, 'jane@example.com', {});
  await fetch(`${url}/jane@example.com`);
  const samples = await samplesOf(url);
  const counted = (name: string) => samples.get(`verigate_${name}`);
  expect(counted('handshakes_refused_total{reason="CORS_ORIGINS"}')).toBe(1);
  expect(counted('handshakes_refused_total{reason="MAX_CONNECTIONS"}')).toBe(1);
  expect(counted('socket_requests_total{event="subscribe",outcome="snapshot"}')).toBe(1);
  expect(counted('socket_requests_total{event="subscribe",outcome="too_many_subscriptions"}')).toBe(1);
  expect(counted('socket_requests_total{event="subscribe",outcome="invalid_request"}')).toBe(1);
  expect(counted('socket_requests_total{event="unknown",outcome="invalid_request"}')).toBe(1);
  expect([...samples.keys()].join('\n')).not.toMatch(/jane|another/);
});

test('each metric says what it is in which unit, and counters are there before their first event', async () => {
  const metrics = createMetrics();
  const text = await metrics.registry.metrics();
  for (const { name, help, type } of await metrics.registry.getMetricsAsJSON()) {
    if (!name.startsWith('verigate_')) continue;
    expect(help.length).toBeGreaterThan(10);
    // prom-client gives the type as a word or, at run time, as its number: the text is what counts.
    expect(type).toBeDefined();
    const kind = new RegExp(`^# TYPE ${name} (\\w+)$`, 'm').exec(text)?.[1];
    expect(`${name} ${kind}`).toMatch(/(_total counter|_(seconds|size) histogram|(?<!_total) gauge)$/);
    if (kind === 'counter') expect(text).toMatch(new RegExp(`^${name}(\\{[^}]*\\})? 0$`, 'm'));
  }
});

test('only the change that was appended here is measured, and what is waited for is bounded', () => {
  const observed: number[] = [];
  const times = new DeliveryTimes({ observe: (seconds: unknown) => void observed.push(Number(seconds)) });
  times.appending('f', 7, performance.now() - 1_500);
  expect(times.take('f', 6)).toBeUndefined();
  expect(times.take('g', 7)).toBeUndefined();
  const arrivedAt = times.take('f', 7);
  expect(times.take('f', 7)).toBeUndefined();
  times.written(arrivedAt ?? 0);
  expect(observed[0]).toBeGreaterThanOrEqual(1.5);
  expect(observed[0]).toBeLessThan(60);
  for (let file = 0; file <= 10_000; file++) times.appending(`f${file}`, 1, 0);
  expect(times.take('f0', 1)).toBeUndefined();
  expect(times.take('f10000', 1)).toBe(0);
});

const promtool = spawnSync('promtool', ['--version']);
if (promtool.status !== 0)
  process.stderr.write('SKIPPED: the metrics are not checked by Prometheus: there is no promtool\n');
(promtool.status === 0 ? test : test.skip)('Prometheus has nothing to complain of', async () => {
  const { url } = await startTestGateway();
  await new Producer(url).update(message('b', plainResults('jane', 5), { fileId: 'f', isComplete: true }));
  const input = await new Producer(url).text('/metrics');
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect(`${status} ${stdout}${stderr}`).toBe('0 ');
});
