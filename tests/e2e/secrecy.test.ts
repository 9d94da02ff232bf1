import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { parsed } from '../support/process.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { plainResults } from '../support/results.js';
import { ask, connect } from '../support/socket.js';
import { onTeardown } from '../support/teardown.js';

const CANARY = 'canary-b81d7';
const ADDRESS = `${CANARY}@example.com`;
const KEY = 'key-5d0c2-of-ours';

/** A validator that repeats the submitted addresses in every answer. */
async function chattyValidator(): Promise<string> {
  const result = plainResults(CANARY, 1)[0];
  const answers = [
    { status: 200, body: { batchId: 'v1', status: 'completed', totalEmails: 1, results: [result] } },
    {
      status: 200,
      body: { batchId: 'v2', status: 'completed', totalEmails: 1, results: [{ email: 7, was: ADDRESS }] },
    },
    { status: 200, body: { requestId: ADDRESS, batchIds: 'nonsense' } },
    { status: 422, body: { detail: [{ input: ADDRESS }] } },
    { status: 429, body: { detail: ADDRESS } },
    { status: 500, body: { detail: ADDRESS } },
  ];
  let asked = 0;
  const server = createServer((request, response) => {
    const { status, body } = answers[asked++ % answers.length] ?? { status: 500, body: {} };
    request.resume().once('end', () => response.writeHead(status).end(JSON.stringify(body)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${CANARY}`;
}

test('no address is logged or repeated in an error, whichever way it comes in', async () => {
  const gateway = await spawnGateway({
    LOG_LEVEL: 'trace',
    MAX_UPDATE_BYTES: '65536',
    MAX_BODY_BYTES: '65536',
    VALIDATOR_URL: (await chattyValidator()).replace(CANARY, 'v'),
    VALIDATOR_API_KEY: KEY,
    STALL_AFTER_MS: '20',
  });
  const { url } = gateway;
  const producer = new Producer(url);
  const refusals: string[] = [];
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await producer.call(method, path, body);
    if (answer.status >= 400) refusals.push(JSON.stringify(answer.body));
    return answer.status;
  };
  const results = plainResults(CANARY, 30);
  const listener = await new StrictListener('f').join(url);

  // A valid update, and every kind of invalid one.
  await call('POST', '/api/updates', message('b', results, { fileId: 'f', upTo: 20, total: 30 }));
  const bad: unknown[] = [
    `{"batchId":"b","email":"${ADDRESS}"`,
    `"${ADDRESS}"`,
    `[${JSON.stringify(results)}]`,
    { ...message('b', results), totalEmails: ADDRESS },
    { ...message('b', results), batchId: `${ADDRESS}\n` },
    message('b', [...results, { email: [ADDRESS] }]),
    message('b', [ADDRESS]),
    message('b', results, { fileId: 'another file' }),
    message('b', plainResults(CANARY, 2_000)),
    { ...message('b', results), validatedEmails: { [ADDRESS]: 1 } },
    { [ADDRESS]: ADDRESS },
  ];
  for (const body of bad) {
    expect(await call('POST', '/api/updates', body)).toBeGreaterThanOrEqual(400);
    expect(await call('POST', '/api/files/f/batches', body)).toBeGreaterThanOrEqual(400);
    expect(await call('POST', '/api/files/f/validations', body)).toBeGreaterThanOrEqual(400);
    expect(await call('POST', '/api/files/f/batches/b/fail', body)).toBeGreaterThanOrEqual(400);
  }
  for (let turn = 0; turn < 6; turn++)
    await call('POST', `/api/files/v${turn}/validations`, {
      emails: [ADDRESS],
      flags: turn % 2 ? undefined : {},
    });
  await call('POST', '/api/files/v9/validations', { emails: [ADDRESS], flags: { [ADDRESS]: true } });
  await call('POST', '/api/files/v9/validations', { emails: [{ address: ADDRESS }] });

  // Reads, valid and invalid.
  const asked = encodeURIComponent(ADDRESS);
  const paths = [
    `/api/files/f/emails?email=${asked}`,
    `/api/files/f/emails?email=${asked}&email=${asked}`,
    `/api/files/f/emails?email=%ff${asked}`,
    `/api/files/f/emails?status=${asked}&page=${asked}`,
    `/api/files?cursor=${asked}&limit=${asked}`,
    '/api/files/f/export?format=csv',
    '/api/files/f/export?format=ndjson&status=risky',
    `/api/files/f/export?format=${asked}`,
    '/api/files/f',
    '/metrics',
    `/${asked}`,
    `/api/files/%ff${asked}`,
    `/client/${asked}.js`,
  ];
  for (const path of paths) {
    const response = await fetch(`${url}${path}`);
    const text = await response.text();
    if (response.status >= 400) refusals.push(text);
  }
  await fetch(`${url}/api/files`, { method: 'POST', headers: { [`x-${CANARY}`]: ADDRESS }, body: ADDRESS });

  // The socket, with valid and invalid frames.
  const socket = await connect(url, { auth: { token: ADDRESS }, query: { token: ADDRESS } });
  for (const request of [
    ADDRESS,
    { fileId: `${ADDRESS}\n` },
    { fileId: 'f', feeds: [ADDRESS] },
    { fileId: 'f', since: ADDRESS },
  ])
    refusals.push(JSON.stringify(await ask(socket, 'subscribe', request)));
  refusals.push(JSON.stringify(await ask(socket, ADDRESS, ADDRESS)));
  for (const frame of [
    `42["subscribe",{"fileId":"${ADDRESS}`,
    `9${ADDRESS}`,
    `40/${ADDRESS},`,
    `451-["${ADDRESS}"]`,
  ]) {
    const raw = await RawWebSocket.open(url);
    raw.send('40');
    await raw.received('40');
    raw.send(frame);
    raw.send('421["unsubscribe",{"fileId":"f"}]');
    await raw.until(() => raw.has('431') || raw.isClosed);
    raw.destroy();
  }

  await listener.until(() => listener.stats?.batches.stalled === 1);
  await call('POST', '/api/files/f/batches/b/fail', { reason: `gave up on ${ADDRESS}` });
  await call('POST', '/api/updates', message('b', results, { isComplete: true }));
  await listener.until(() => listener.stats?.status === 'completed');
  await call('DELETE', '/api/files/f');
  await listener.until(() => listener.isDeleted);
  expect(await gateway.end('SIGTERM')).toBe(0);

  expect(refusals.length).toBeGreaterThan(50);
  for (const refusal of refusals) {
    expect(refusal).not.toContain(CANARY);
    expect(refusal).not.toMatch(/ at .*:\d+:\d+|node_modules/);
  }
  const log = gateway.log.join('\n');
  expect(parsed(gateway.log).length).toBeGreaterThan(20);
  expect(parsed(gateway.log).every(({ time, level, msg }) => time && level && msg)).toBe(true);
  expect(parsed(gateway.log).filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  expect(log).not.toContain(CANARY);
  expect(log).not.toContain(KEY);
  expect(gateway.complaints).toEqual([]);
});
