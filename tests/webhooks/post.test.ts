import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { InvalidInput } from '../../src/domain/invalid-input.js';
import type { DueDelivery } from '../../src/store/webhooks.js';
import { receiverLookUp } from '../../src/webhooks/look-up.js';
import { post } from '../../src/webhooks/post.js';
import { isPublicAddress } from '../../src/webhooks/public-addresses.js';
import { resultOf } from '../../src/webhooks/retry-rules.js';
import { newSecret } from '../../src/webhooks/signature.js';
import { webhookUrl } from '../../src/webhooks/webhook-url.js';
import { onTeardown } from '../support/teardown.js';
import { startNameServer } from './name-server.js';
import { startReceiver } from './receiver.js';

const delivery = (url: string, secret = newSecret()): DueDelivery => ({
  deliveryId: 'msg_1',
  webhookId: 'w1',
  ownerId: 'jane',
  url,
  secret,
  body: '{"type":"file.completed","data":{"fileId":"ä"}}',
  attempts: 1,
  since: Date.now(),
});

const PRIVATE = { timeoutMs: 5_000, allowPrivate: true, lookUp: receiverLookUp({ allowPrivate: true }) };
const PUBLIC = { timeoutMs: 5_000, allowPrivate: false, lookUp: receiverLookUp({ allowPrivate: false }) };

describe('one attempt', () => {
  it('is signed as the specification says', async () => {
    const receiver = await startReceiver();
    const secret = newSecret();
    expect(await post(delivery(receiver.url, secret), PRIVATE)).toEqual({ status: 204, error: null });
    expect(receiver.verified(secret)).toEqual([JSON.parse(delivery('').body)]);
    expect(() => receiver.verified(newSecret())).toThrow();
    expect(receiver.received[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'msg_1',
    });
  });

  it('follows no redirect, and tells the status of any answer', async () => {
    const receiver = await startReceiver();
    for (const status of [200, 302, 410, 500]) {
      receiver.status = status;
      expect(await post(delivery(receiver.url), PRIVATE)).toEqual({ status, error: null });
    }
    expect(receiver.received).toHaveLength(4);
  });

  it('ends after its time where the receiver does not answer', async () => {
    const receiver = await startReceiver();
    receiver.status = null;
    const answer = await post(delivery(receiver.url), { ...PRIVATE, timeoutMs: 200 });
    expect(answer).toEqual({ status: null, error: 'timeout' });
  });

  it.each([
    ['asks for another protocol', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n', false],
    ['says that it will answer, and says it again', 'HTTP/1.1 102 X\r\n\r\n', true],
  ])('ends where the receiver %s', async (_, answer, repeats) => {
    let closed = (_: unknown): void => undefined;
    const isClosed = new Promise((resolve) => {
      closed = resolve;
    });
    const server = createServer((socket) => {
      socket.on('error', () => undefined).on('close', closed);
      const write = () => {
        while (socket.writable && socket.write(answer.repeat(repeats ? 100 : 1)) && repeats);
      };
      socket.on('data', write).on('drain', () => repeats && write());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTeardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const result = await post(delivery(`http://127.0.0.1:${port}/`), { ...PRIVATE, timeoutMs: 60_000 });
    expect(result).toEqual({ status: null, error: 'connection_failed' });
    await isClosed;
  });

  it('connects to no address inside, by number or by name', async () => {
    const receiver = await startReceiver();
    const { port } = new URL(receiver.url);
    const names = await startNameServer({ 'inside.example': { 4: ['93.184.216.34', '127.0.0.1'], 6: [] } });
    const lookUp = receiverLookUp({ allowPrivate: false, servers: [names.address] });
    for (const host of ['127.0.0.1', 'inside.example', '[::1]', '[::ffff:127.0.0.1]', '2130706433'])
      expect(await post(delivery(`http://${host}:${port}/hook`), { ...PUBLIC, lookUp })).toEqual({
        status: null,
        error: 'forbidden_address',
      });
    expect(receiver.received).toEqual([]);
  });

  it('says with a word why there is no answer', async () => {
    expect(await post(delivery('http://127.0.0.1:1/'), PRIVATE)).toEqual({
      status: null,
      error: 'econnrefused',
    });
  });
});

describe('public addresses', () => {
  it.each(['93.184.216.34', '2606:2800:220:1::1', '1.1.1.1'])('%s is one', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each([
    ...['127.0.0.1', '10.0.0.1', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
    ...['224.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1', '240.0.0.1', '::', '::1', 'fe80::1'],
    ...['fc00::1', 'ff02::1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '2002:a00:1::', '2001:db8::1', 'name'],
    ...['::127.0.0.1', '::7f00:1', '::a9fe:a9fe', 'fec0::1', '64:ff9b:1::7f00:1', '200::1', '4000::1'],
    ...['168.63.129.16', '::ffff:168.63.129.16'],
  ])('%s is none', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('the URL of a webhook', () => {
  const refused = (url: string, allowPrivate = false) => {
    expect(() => webhookUrl(url, { allowPrivate })).toThrow(InvalidInput);
  };
  it('is https with a public host', () => {
    expect(webhookUrl('https://example.com/a?b=c#d', { allowPrivate: false })).toBe(
      'https://example.com/a?b=c',
    );
    expect(webhookUrl('https://1.1.1.1:8443/x', { allowPrivate: false })).toBe('https://1.1.1.1:8443/x');
  });
  it.each([
    ...[
      'http://example.com',
      'https://localhost/x',
      'https://a.localhost',
      'https://printer.local',
      'https://10.0.0.1',
    ],
    ...['https://0x7f.1/', 'https://[::1]/', 'https://2130706433/', 'https://metadata.google.internal/'],
    ...['https://user:secret@example.com/', 'ftp://example.com', 'javascript:alert(1)', 'example.com', ''],
    `https://example.com/${'x'.repeat(2048)}`,
  ])('is not %s', (url) => {
    refused(url);
  });
  it('may lead inside where the operator allows it, without a password all the same', () => {
    expect(webhookUrl('http://127.0.0.1:9/', { allowPrivate: true })).toBe('http://127.0.0.1:9/');
    refused('http://user:secret@127.0.0.1/', true);
    refused('file:///etc/passwd', true);
  });
});

describe('what follows from an attempt', () => {
  const limits = { firstMs: 5_000, giveUpMs: 3 * 24 * 3_600_000 };
  const answered = (status: number) => ({ status, error: null });
  it('is delivered by 2xx, ended by 410, and repeated after anything else', () => {
    const due = { attempts: 1, since: 0 };
    expect(resultOf(due, answered(204), limits, 0)).toMatchObject({
      outcome: 'delivered',
      nextAttemptAt: null,
    });
    expect(resultOf(due, answered(410), limits, 0)).toMatchObject({ outcome: 'gone', nextAttemptAt: null });
    for (const status of [301, 302, 400, 404, 429, 500, 503])
      expect(resultOf(due, answered(status), limits, 0)).toMatchObject({ outcome: 'retry', status });
    expect(resultOf(due, { status: null, error: 'timeout' }, limits, 0).outcome).toBe('retry');
  });
  it('is repeated with growing pauses for three days, then given up', () => {
    let now = 0;
    const pauses: number[] = [];
    for (let attempts = 1; ; attempts++) {
      const { outcome, nextAttemptAt } = resultOf({ attempts, since: 0 }, answered(500), limits, now);
      if (nextAttemptAt === null) {
        expect(outcome).toBe('failed');
        break;
      }
      pauses.push(nextAttemptAt - now);
      now = nextAttemptAt;
    }
    expect(pauses[0]).toBeGreaterThanOrEqual(2_500);
    expect(pauses[0]).toBeLessThanOrEqual(5_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(8 * 3_600_000);
    expect(now).toBeGreaterThan(limits.giveUpMs - 8 * 3_600_000);
    expect(pauses.length).toBeGreaterThan(12);
    expect(pauses.length).toBeLessThan(30);
  });
});
