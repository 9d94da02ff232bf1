/** The listeners in other languages: each gets every result through a cut, and recovers what it missed. */
import { cpSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { BreakingProxy } from '../support/breaking-proxy.js';
import { describeInBrowser } from '../support/browser.js';
import { describeWhere, describeWithToolchain } from '../support/describe-where.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { ROOT } from '../support/program.js';
import { plainResults } from '../support/results.js';
import { onTeardown } from '../support/teardown.js';
import { madeOnce, pythonPackages, succeeds } from '../support/tool-cache.js';
import { startListener } from './listening.js';

const FILE = 'a file/ü';
const PAGES = 600;

/** A gateway that listeners reach through a connection that can be cut. */
async function startFile() {
  const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '5' });
  const proxy = await BreakingProxy.to(Number(new URL(url).port));
  onTeardown(() => proxy.close());
  const producer = new Producer(url);
  const batches = [
    { batchId: 'early', totalEmails: PAGES },
    { batchId: 'b', totalEmails: 100 },
    { batchId: 'late', totalEmails: 100 },
  ];
  await producer.register(FILE, { batches });
  // More than the first page has.
  await producer.update(message('early', plainResults('early', PAGES), { isComplete: true }));
  return { proxy, producer, url: `http://127.0.0.1:${proxy.port}` };
}

/** What happens to a file that is listened to. `until`: fulfilled when the listener has so much of it. */
async function play(
  { proxy, producer }: Awaited<ReturnType<typeof startFile>>,
  until: (status: string) => Promise<unknown>,
): Promise<void> {
  const results = plainResults('b', 100);
  await until('processing 75%');
  await producer.update(message('b', results, { upTo: 90 }));
  await until('processing 86%');
  proxy.close();
  // The batch is run again meanwhile, and is shorter now.
  await producer.update(message('b', results.slice(20, 60), { isComplete: true, total: 100 }));
  await proxy.restore();
  await until('processing 87%');
  await producer.update(message('late', plainResults('late', 100), { isComplete: true }));
}

const sorted = (list: readonly object[]) => list.map((entry) => JSON.stringify(entry)).sort();

async function expectRecovery(command: string, args: readonly string[]): Promise<void> {
  const file = await startFile();
  const listener = startListener(command, [...args, FILE], file.url);
  await play(file, listener.until);
  const { code, out, err } = await listener.ended();
  expect([code, code === 0 ? '' : err]).toEqual([0, '']);
  const held = out
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { batchId, position, status, email } = JSON.parse(line);
      return { batchId, position, status, email };
    });
  const stored: object[] = [];
  for (const page of [1, 2]) {
    const { body } = await file.producer.get(
      `/api/files/${encodeURIComponent(FILE)}/emails?limit=500&page=${page}`,
    );
    for (const { batchId, position, status, email } of body.emails as Record<string, unknown>[])
      stored.push({ batchId, position, status, email });
  }
  expect(stored).toHaveLength(PAGES + 40 + 100);
  expect(sorted(held)).toEqual(sorted(stored));
  const subscribes = (await file.producer.text('/metrics'))
    .split('\n')
    .filter(
      (line) => line.startsWith('verigate_socket_requests_total{event="subscribe"') && !line.endsWith(' 0'),
    );
  // A slow machine may cut it more than once.
  expect(subscribes.join()).toMatch(/outcome="recovered"\} [1-9]/);
}

const python = pythonPackages('python-socketio', ['python-socketio==5.18.1', 'aiohttp==3.14.5']);
describeWhere(python !== null, 'python-socketio is not in the cache', 'the listener in Python', () => {
  test('gets every result through a cut', () =>
    expectRecovery(join(python ?? '', 'python'), ['examples/listener.py']));
});

const GO = ['examples/go/go.mod', 'examples/go/go.sum', 'examples/go/listener.go'];
const hasGo = succeeds('go', ['version']);
const go = hasGo
  ? madeOnce('go-listener', GO, (folder) =>
      succeeds('go', ['build', '-o', join(folder, 'listener'), '.'], join(ROOT, 'examples/go')),
    )
  : null;
describeWithToolchain(hasGo, go, 'Go', 'the listener in Go', (folder) => {
  test('gets every result through a cut', () => expectRecovery(join(folder, 'listener'), []));
});

const hasJava = succeeds('javac', ['-version']) && succeeds('mvn', ['-version']);
const java = hasJava
  ? madeOnce('java-listener', ['examples/java/pom.xml', 'examples/java/Listener.java'], (folder) => {
      cpSync(join(ROOT, 'examples/java'), folder, { recursive: true });
      return (
        succeeds('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], folder) &&
        succeeds('javac', ['-cp', 'lib/*', '-d', '.', 'Listener.java'], folder)
      );
    })
  : null;
describeWithToolchain(hasJava, java, 'a JDK with Maven', 'the listener in Java', (folder) => {
  test('gets every result through a cut', () =>
    expectRecovery('java', ['-cp', `${folder}/lib/*:${folder}`, 'Listener']));
});

describeInBrowser('the listener in a page without a build', (open) => {
  test('shows each result, through a cut', async () => {
    const html = readFileSync(join(ROOT, 'examples/listener.html'));
    const pages = createServer((_req, res) => void res.setHeader('Content-Type', 'text/html').end(html));
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    onTeardown(() => void pages.close());
    const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '5', CORS_ORIGINS: origin });
    const proxy = await BreakingProxy.to(Number(new URL(url).port));
    onTeardown(() => proxy.close());
    const gateway = `http://127.0.0.1:${proxy.port}`;
    const { page, complaints } = await open(`${origin}/?gateway=${encodeURIComponent(gateway)}&file=f`);
    await page.locator('body[data-state=live]').waitFor();
    const producer = new Producer(url);
    const results = plainResults('<b>', 4);
    await producer.update(message('b', results, { upTo: 2, fileId: 'f' }));
    await page.getByText('processing, 2 of 4').waitFor();
    proxy.close();
    await producer.update(message('b', results, { isComplete: true }));
    await page.locator('body:not([data-state=live])').waitFor();
    await proxy.restore();
    await page.getByText('completed, 4 of 4').waitFor();
    expect(await page.locator('td:nth-child(2)').allTextContents()).toEqual(
      results.map(({ email }) => email),
    );
    expect((await complaints()).filter((complaint) => !complaint.includes('WebSocket'))).toEqual([]);
  });
});
