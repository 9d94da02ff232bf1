import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { plainResults } from '../support/results.js';
import { ask, connect, open, refusalOf, subscribe } from '../support/socket.js';

const deep = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
const proto = JSON.parse('{"__proto__":{"fileId":"f"},"constructor":{"prototype":{"fileId":"f"}}}') as object;

/** Invalid requests, for each event. */
const wrong: Record<string, readonly unknown[]> = {
  subscribe: [
    undefined,
    null,
    '',
    'f',
    7,
    true,
    [],
    ['f'],
    {},
    { fileId: null },
    { fileId: 7 },
    { fileId: ['f'] },
    { fileId: { toString: 'f' } },
    { fileId: '' },
    { fileId: 'x'.repeat(257) },
    { fileId: 'nul\u0000' },
    { fileId: '\ud83d' },
    { fileId: 'f', feeds: 'stats' },
    { fileId: 'f', feeds: [] },
    { fileId: 'f', feeds: ['everything'] },
    { fileId: 'f', feeds: ['__proto__'] },
    { fileId: 'f', feeds: Array(1000).fill('stats') },
    { fileId: 'f', since: 5 },
    { fileId: 'f', since: {} },
    { fileId: 'f', since: { epoch: 'e' } },
    { fileId: 'f', since: { epoch: 'e', revision: -1 } },
    { fileId: 'f', since: { epoch: 'e', revision: 1.5 } },
    { fileId: 'f', since: { epoch: 'e', revision: '1' } },
    { fileId: 'f', since: { epoch: 'e', revision: 1e300 } },
    { fileId: 'f', since: { epoch: 'e'.repeat(10_000), revision: 1 } },
    { fileId: deep(500) },
    proto,
    Buffer.from('{"fileId":"f"}'),
    { fileId: Buffer.from('f') },
  ],
  unsubscribe: [undefined, null, 'f', {}, { fileId: 7 }, deep(500), proto, Buffer.from('f')],
  refresh: [undefined, null, 'token', {}, { token: 7 }, { token: '' }, { token: 'x'.repeat(20_000) }, proto],
};

test('each is refused with an error, and no other listener is disturbed', async () => {
  const { url } = await startTestGateway({ MAX_EVENTS_PER_SECOND: '10000' });
  const witness = await new StrictListener('f').join(url);
  const socket = await connect(url);
  await subscribe(socket, { fileId: 'f' });
  const refused = { ok: false, code: 'invalid_request', retryable: false, says: true };
  for (const [event, requests] of Object.entries(wrong)) {
    for (const request of requests) expect(await refusalOf(socket, event, request)).toEqual(refused);
    // Without a request, and with too many arguments.
    expect(await refusalOf(socket, event)).toEqual(refused);
    expect(await refusalOf(socket, event, 1, 2, { fileId: 'f' })).toEqual(refused);
  }
  for (const event of ['', 'publish', 'file_stats', 'toString', '__proto__', 'error', 'x'.repeat(10_000)])
    expect(await refusalOf(socket, event, { fileId: 'f' })).toEqual(refused);
  // Without an acknowledgement.
  for (const request of [undefined, null, {}, { fileId: 7 }, deep(500), Buffer.alloc(10)])
    for (const event of ['subscribe', 'unsubscribe', 'refresh', 'publish']) socket.emit(event, request);

  await new Producer(url).update(message('b', plainResults('jane', 3), { isComplete: true, fileId: 'f' }));
  await witness.until(() => witness.stats?.status === 'completed');
  expect(witness.copy.size).toBe(3);
  expect(witness.faults).toEqual([]);
  expect(await ask(socket, 'unsubscribe', { fileId: 'f' })).toEqual({ ok: true });
  expect(socket.connected).toBe(true);
});

test('a refusal names the field, and a request that is no object as a whole', async () => {
  const { url } = await startTestGateway();
  const socket = await connect(url);
  const messageOf = async (event: string, ...args: unknown[]) =>
    ((await ask(socket, event, ...args)) as { error?: { message: string } }).error?.message;
  for (const event of ['subscribe', 'unsubscribe', 'refresh'])
    for (const args of [[], [null], ['f'], [7], [[]]])
      expect(await messageOf(event, ...args)).toBe('request: must be an object');
  expect(await messageOf('subscribe', {})).toBe('fileId: is required');
  expect(await messageOf('subscribe', { fileId: 'f', since: { epoch: 'e' } })).toBe(
    'since.revision: is required',
  );
});

test('unknown keys are ignored, and an id may be any text', async () => {
  const { url } = await startTestGateway();
  const socket = await connect(url);
  const names = [
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'file_stats:f',
    '../f',
    'ü 👩‍👩‍👧 \u202e',
    '%2e%2e',
    'x'.repeat(256),
  ];
  for (const fileId of names) {
    const answer = await subscribe(socket, { fileId, color: 'red', since: null, proto });
    expect(answer).toMatchObject({ fileId, recovered: false, stats: { fileId, status: 'pending' } });
    const witness = await new StrictListener(fileId).join(url);
    await new Producer(url).update(
      message(`${fileId}!`.slice(1), plainResults('jane', 2), { fileId, isComplete: true }),
    );
    await witness.until(() => witness.stats?.status === 'completed');
    expect(witness.copy.size).toBe(2);
    expect(
      (await new Producer(url).get(`/api/files/${encodeURIComponent(fileId)}/stats`)).body,
    ).toMatchObject({
      fileId,
      status: 'completed',
    });
  }
});

/** Frames that no client library would send. */
const frames: Record<string, readonly string[]> = {
  'no packet of this protocol': ['9', 'hello', '{}', '4', '42', '4{', '4999999999999999999999["subscribe"]'],
  'events that are none': [
    '42{}',
    '42[]',
    '42[null]',
    '42[{}]',
    '42["disconnect"]',
    '42["connect_error",1]',
    '42["subscribe"',
  ],
  'namespaces that do not exist': [
    '40/admin,',
    '42/admin,["subscribe",{"fileId":"f"}]',
    '41/admin,',
    '44{"message":"no"}',
  ],
  'binary without its attachments': [
    '451-["subscribe",{"_placeholder":true,"num":0}]',
    '451-["x",{"_placeholder":true,"num":9}]',
    '42["subscribe",{}]',
  ],
  'too many attachments': ['4599999999-["subscribe"]', '45-1-["subscribe"]'],
  'nesting without end': [
    `420["subscribe",${'['.repeat(30_000)}${']'.repeat(30_000)}]`,
    `420["subscribe",{"fileId":"f","since":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}]`,
    `42["subscribe",${'['.repeat(60_000)}`,
  ],
  'an acknowledgement of nothing': ['43["yes"]', '439["yes"]', '43', '437{}'],
};

test.each(Object.entries(frames))('%s', async (_, texts) => {
  const { url } = await startTestGateway();
  const witness = await new StrictListener('f').join(url);
  for (const text of texts) {
    const raw = await RawWebSocket.open(url);
    raw.send('40');
    await raw.received('40');
    raw.send(text);
    // The gateway may close the connection. This request is then not answered.
    raw.send('421["unsubscribe",{"fileId":"f"}]');
    await raw.until(() => raw.has('431') || raw.isClosed);
    raw.destroy();
  }
  await new Producer(url).update(message('b', plainResults('jane', 3), { isComplete: true, fileId: 'f' }));
  await witness.until(() => witness.stats?.status === 'completed');
  expect(witness.faults).toEqual([]);
});

test('a payload beyond the limit ends its own connection only', async () => {
  const { url } = await startTestGateway();
  const witness = await new StrictListener('f').join(url);
  for (const transport of ['websocket', 'polling'] as const) {
    const socket = open(url, { transports: [transport] });
    const gone = new Promise<void>((resolve) => void socket.on('disconnect', () => resolve()));
    socket.on('connect', () => void socket.emit('subscribe', { fileId: 'f', ballast: 'x'.repeat(100_000) }));
    await gone;
  }
  await new Producer(url).update(message('b', plainResults('jane', 3), { isComplete: true, fileId: 'f' }));
  await witness.until(() => witness.stats?.status === 'completed');
  expect(witness.isConnected).toBe(true);
});
