import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { runToEnd } from '../support/process.js';
import { always, standIn } from '../validator/stand-in.js';
import { call, complete, result } from './harness.js';
import { readCsv } from './rfc4180.js';

test('the whole gateway: submitted, validated, read, exported, deleted', async () => {
  const server = await standIn(
    always(200, { requestId: 'r1', batchIds: ['b1', 'b2'], status: 'processing' }),
  );
  const gateway = await startTestGateway({
    VALIDATOR_URL: server.url,
    VALIDATOR_API_KEY: 'a-key',
    VALIDATOR_USER_ID: 'a-user',
    FLUSH_INTERVAL_MS: '0',
  });
  expect((await call(gateway, 'GET', '/readyz')).status).toBe(200);

  const emails = Array.from({ length: 11 }, (_, i) => `u${i}@x`);
  const submitted = await call(gateway, 'POST', '/api/files/f/validations', { emails });
  expect([submitted.status, submitted.json.batchIds]).toEqual([202, ['b1', 'b2']]);
  expect(server.seen[0]?.headers).toMatchObject({ 'x-api-key': 'a-key', 'x-user-id': 'a-user' });

  const first = complete(
    'b1',
    emails.slice(0, 10).map((email) => result(email)),
  );
  expect((await call(gateway, 'POST', '/api/updates', first)).json).toEqual({ outcome: 'applied' });
  expect((await call(gateway, 'GET', '/api/files/f/emails?limit=3&page=2')).json).toMatchObject({
    emails: [{ email: 'u3@x', batchId: 'b1', position: 3 }, { email: 'u4@x' }, { email: 'u5@x' }],
    pagination: { total: 10, page: 2, limit: 3, pages: 4 },
  });
  expect(readCsv((await call(gateway, 'GET', '/api/files/f/export')).text)).toHaveLength(11);

  const failed = await call(gateway, 'POST', '/api/files/f/batches/b2/fail', { reason: 'it never came' });
  expect(failed.json).toMatchObject({ status: 'failed', progress: { total: 11, processed: 10 } });
  expect((await call(gateway, 'GET', '/api/files')).json.items).toMatchObject([
    { fileId: 'f', status: 'failed' },
  ]);
  expect((await call(gateway, 'DELETE', '/api/files/f')).status).toBe(204);
  expect((await call(gateway, 'GET', '/api/files/f')).json.code).toBe('file_not_found');
});

test('the dashboard and the SDK are there', async () => {
  const gateway = await startTestGateway();
  for (const [path, type] of [
    ['/', 'text/html'],
    ['/client/index.js', 'text/javascript'],
  ] as const) {
    const { status, headers } = await call(gateway, 'GET', path);
    expect([path, status, headers.get('content-type')]).toEqual([path, 200, expect.stringContaining(type)]);
  }
});

test('the metrics say what is held, and what of it was dropped', async () => {
  const gateway = await startTestGateway({ MAX_HELD_BYTES: '2000', VALIDATOR_URL: 'http://127.0.0.1:9/' });
  const list = Array.from({ length: 10 }, (_, i) => result(`u${i}@x`));
  for (const batchId of ['b1', 'b2', 'b3'])
    await call(gateway, 'POST', '/api/updates', complete(batchId, list));
  const { text } = await call(gateway, 'GET', '/metrics');
  expect(text).toContain('\nverigate_held_updates 1\n');
  expect(text).toContain('\nverigate_held_dropped_total 2\n');
  expect(text).toMatch(/\nverigate_held_bytes [1-9]\d{3}\n/);
});

test('settings of the validator that cannot be used end it with 78, and are not repeated', async () => {
  for (const VALIDATOR_URL of [
    'http://user:hunter2@localhost',
    'ftp://hunter2.example',
    'http://x/?key=hunter2',
  ]) {
    const { code, lines } = await runToEnd({ VALIDATOR_URL });
    expect(code).toBe(78);
    expect(lines.at(-1)?.msg).toContain('VALIDATOR_URL');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  }
});
