import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { Producer } from '../support/producer.js';
import { type Ended, ROOT, runOurs } from '../support/program.js';
import { recordings } from '../support/recordings.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { temporaryDirectory } from '../support/teardown.js';
import { retry, Signal } from '../support/wait.js';

const fixture = (name: string) => join(ROOT, 'tests/fixtures', name);
const messagesIn = (name: string) => recordings.find((recording) => recording.name === name)?.messages ?? [];
const replay = (...args: string[]): Promise<Ended> => runOurs('demo/replay/main', args);

const line = (batchId: string, more: object = {}, t?: number) => {
  const update = {
    batchId,
    isComplete: true,
    totalEmails: 0,
    processedCount: 0,
    validatedEmails: [],
    ...more,
  };
  return JSON.stringify({ ...(t !== undefined && { t }), message: JSON.stringify(update) });
};

function recordingOf(...lines: string[]): string {
  const path = join(temporaryDirectory(), 'recording.jsonl');
  writeFileSync(path, lines.join('\n'));
  return path;
}

describe('a recording', () => {
  test.each<[string, number]>([
    ['dns-only-100.jsonl', 100],
    ['worker-killed.jsonl', 60],
  ])('%s becomes a file of the gateway', async (name, total) => {
    const { url } = await startTestGateway();
    const played = await replay(fixture(name), '--url', url, '--speed', 'max', '--file-id', 'a file');
    expect([played.code, played.err]).toEqual([0, '']);
    expect(played.out).toContain(`${messagesIn(name).length} lines: `);
    const producer = new Producer(url);
    const becomes = (fileId: string) =>
      retry(async () =>
        expect((await producer.get(`/api/files/${fileId}/stats`)).body).toMatchObject({
          status: 'completed',
          progress: { total, processed: total },
        }),
      );
    await becomes('a%20file');
    // The same batches cannot belong to another file; under another prefix they can.
    const refused = await replay(fixture(name), '--url', url, '--speed=max', '--file-id', 'other');
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toContain('cannot be registered: 400 invalid_request');
    const again = ['--url', url, '--speed=max', '--file-id', 'other', '--prefix', 'again-'];
    expect((await replay(fixture(name), ...again)).code).toBe(0);
    await becomes('other');
  });

  test('is played at the requested speed', async () => {
    const { url } = await startTestGateway();
    const path = recordingOf(line('a', {}, 5_000), line('b', {}, 65_000), line('c'));
    const started = performance.now();
    expect((await replay(path, '--url', url, '--speed', '200x')).out).toBe('3 lines: 3 held, 0 bad\n');
    expect(performance.now() - started).toBeGreaterThan(300);
  });

  test('with bad lines is played without them; each is reported by number, without its content', async () => {
    const { url } = await startTestGateway();
    const path = recordingOf(
      line('a', { fileId: 'f' }),
      '',
      'victim@example.com',
      '[]',
      '{"t":"soon","message":"{}"}',
      '{"channel":7,"message":"{}"}',
      '{"message":{"batchId":"victim@example.com"}}',
      '{"message":"victim@example.com"}',
      '{"message":"{}"}',
      line('b', { fileId: 'f', processedCount: 'victim@example.com' }),
      line('a', { fileId: 'f' }),
    );
    const { code, out, err } = await replay(path, '--url', url, '--speed', 'max');
    expect(code).toBe(65);
    expect(out).toBe('11 lines: 1 applied, 1 refused, 1 unchanged, 8 bad\n');
    expect(err.trimEnd().split('\n')).toEqual([
      'line 3: is not a JSON object',
      'line 4: is not a JSON object',
      'line 5: t: must be a number of milliseconds',
      'line 6: channel: must be a string',
      'line 7: message: must be a string',
      'line 8: message: is not a JSON object',
      'line 9: message: has no batchId',
      'line 10: refused: 400 invalid_request not valid: processedCount',
    ]);
  });

  test.each<[string, string[], number, string]>([
    ['nothing', [], 64, 'give one recording'],
    ['two', ['a', 'b'], 64, 'give one recording'],
    ['one that is not there', ['missing.jsonl'], 66, 'missing.jsonl: cannot be read'],
    ['a folder', ['tests'], 66, 'tests: cannot be read'],
    ['an odd speed', ['a', '--speed', 'fast'], 64, '--speed: must be a number like 1 or 10x, or max'],
    ['no speed', ['a', '--speed', '0'], 64, '--speed: '],
    ['a stream of nothing', ['a', '--stream'], 64, '--stream: needs --redis'],
    ['no Redis', ['a', '--redis', 'localhost'], 64, '--redis: must be a URL'],
    ['an unknown flag', ['a', '--fast'], 64, "Unknown option '--fast'"],
  ])('given as %s is refused', async (_, args, code, says) => {
    const ended = await replay(...args);
    expect([ended.code, ended.out]).toEqual([code, '']);
    expect(ended.err).toContain(says);
  });

  test('usage is explained by --help', async () => {
    const { code, out } = await replay('--help');
    expect(code).toBe(0);
    for (const flag of ['--url', '--redis', '--stream', '--speed', '--file-id', '--prefix'])
      expect(out).toContain(flag);
  });
});

describeWithOwnRedis('on Redis a recording', (start) => {
  const path = fixture('small-3.jsonl');
  const texts = messagesIn('small-3.jsonl');

  test('is published as the validator publishes', async () => {
    const server = await start();
    const [client, listener] = [plainClient(server.url), plainClient(server.url)];
    const heard: string[] = [];
    const signal = new Signal();
    await listener.subscribe('email_validation_results');
    listener.on('message', (_channel, message) => {
      heard.push(message);
      signal.changed();
    });
    const played = await replay(path, '--redis', server.url, '--speed', 'max');
    expect([played.code, played.out]).toEqual([
      0,
      `${texts.length} lines: ${texts.length} published, 0 bad\n`,
    ]);
    await signal.until(
      () => heard.length === texts.length,
      () => `${heard.length} messages`,
    );
    expect(heard.map((text) => JSON.parse(text))).toEqual(texts);
    const key = `validation_results:${texts[0]?.batchId}`;
    expect(await client.get(key)).toBe(heard.at(-1));
    expect(await client.ttl(key)).toBeGreaterThan(3_000);
  });

  test('is appended to the stream', async () => {
    const server = await start();
    const played = await replay(path, '--redis', server.url, '--stream', '--speed', 'max', '--prefix', 'p-');
    expect(played.code).toBe(0);
    const entries = await plainClient(server.url).xrange('email_validation_results:stream', '-', '+');
    expect(entries.map(([, [field, text = '']]) => [field, JSON.parse(text)])).toEqual(
      texts.map((message) => ['data', { ...message, batchId: `p-${message.batchId}` }]),
    );
  });

  test('fails with a message if Redis is not there', async () => {
    const server = await start();
    await server.kill();
    const { code, err } = await replay(path, '--redis', server.url, '--speed', 'max');
    expect([code, err]).toEqual([69, expect.stringContaining('Redis cannot be used')]);
  });
});
