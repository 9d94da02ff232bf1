import { describe, expect, it } from '@jest/globals';
import { expectDocumented } from '../support/documented.js';
import { eventually } from '../support/eventually.js';
import { spawnGateway, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { message } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { startReceiver } from './receiver.js';

const FAST = { WEBHOOKS_ALLOW_PRIVATE: 'true', WEBHOOK_RETRY_MS: '20' };

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked into freely here
  readonly body: any;
}

/** Calls the REST surface of a gateway, with a token or without. */
const callerOf =
  (url: string, token?: string) =>
  async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${url}/api${path}`, {
      method,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expectDocumented(method, response.url, { status: response.status, headers: response.headers, text });
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };

/** Waits until an assertion holds. */
const soon = (assertion: () => unknown, withinMs?: number) =>
  eventually(
    String(assertion),
    async () => {
      try {
        await assertion();
        return true;
      } catch {
        return false;
      }
    },
    withinMs,
  );

type Call = ReturnType<typeof callerOf>;

/** Registers a batch of a file and completes it. */
async function complete(call: Call, fileId: string): Promise<void> {
  const batchId = `batch of ${fileId}`;
  const registered = await call('POST', `/files/${fileId}/batches`, {
    batches: [{ batchId, totalEmails: 3 }],
  });
  expect(registered.status).toBe(201);
  const update = message(batchId, plainResults(fileId, 3), { isComplete: true });
  expect((await call('POST', '/updates', update)).status).toBe(202);
}

const deliveries = async (call: Call, webhookId: string) =>
  (await call('GET', `/webhooks/${webhookId}/deliveries`)).body.items;

describe('webhooks', () => {
  it('tell a receiver once, signed, what became of a file, without an address', async () => {
    const { url } = await startTestGateway(FAST);
    const call = callerOf(url);
    const receiver = await startReceiver();
    const { status, body: hook } = await call('POST', '/webhooks', { url: receiver.url });
    expect(status).toBe(201);
    expect(hook).toEqual({
      webhookId: expect.any(String),
      url: receiver.url,
      events: ['file.completed', 'file.failed', 'file.stalled', 'file.purged', 'file.deleted'],
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]+=*$/),
    });
    await complete(call, 'f1');
    await soon(() => expect(receiver.received).toHaveLength(1));
    const stats = (await call('GET', '/files/f1/stats')).body;
    const [event] = receiver.verified(hook.secret);
    expect(event).toEqual({ type: 'file.completed', timestamp: expect.any(String), data: expect.anything() });
    expect(event?.data).toMatchObject({ fileId: 'f1', status: 'completed', progress: stats.progress });
    expect(receiver.received[0]?.body).not.toContain('@');

    await call('DELETE', '/files/f1');
    await soon(() => expect(receiver.received).toHaveLength(2));
    expect(receiver.verified(hook.secret)[1]).toMatchObject({ type: 'file.deleted', data: { fileId: 'f1' } });
    await soon(async () =>
      expect(await deliveries(call, hook.webhookId)).toMatchObject([
        { type: 'file.deleted', state: 'delivered', attempts: 1, lastStatus: 204, nextAttemptAt: null },
        { type: 'file.completed', state: 'delivered', attempts: 1, lastStatus: 204, nextAttemptAt: null },
      ]),
    );
    const listed = await call('GET', '/webhooks');
    expect(JSON.stringify(listed.body)).not.toContain('whsec_');
    expect(listed.body.items).toMatchObject([{ webhookId: hook.webhookId, url: receiver.url, active: true }]);
  });

  it('are attempted again under the same id, given up in time, and replayed on request', async () => {
    const { url } = await startTestGateway({ ...FAST, WEBHOOK_GIVE_UP_MS: '1000' });
    const call = callerOf(url);
    const receiver = await startReceiver();
    receiver.status = 500;
    const { webhookId, secret } = (await call('POST', '/webhooks', { url: receiver.url })).body;
    await complete(call, 'f1');
    await soon(async () => expect(await deliveries(call, webhookId)).toMatchObject([{ state: 'failed' }]));
    const [failed] = await deliveries(call, webhookId);
    expect(failed.lastStatus).toBe(500);
    expect(failed.attempts).toBe(receiver.received.length);
    expect(failed.attempts).toBeGreaterThan(1);

    receiver.status = 200;
    const replay = await call('POST', `/webhooks/${webhookId}/deliveries/${failed.id}/replay`);
    expect(replay).toEqual({ status: 202, body: { id: failed.id, state: 'pending' } });
    await soon(async () => expect(await deliveries(call, webhookId)).toMatchObject([{ state: 'delivered' }]));
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([failed.id]),
    );
    expect(new Set(receiver.verified(secret).map(({ type }) => type))).toEqual(new Set(['file.completed']));
  });

  it('end at once where the receiver answers 410', async () => {
    const { url } = await startTestGateway(FAST);
    const call = callerOf(url);
    const receiver = await startReceiver();
    receiver.status = 410;
    const { webhookId } = (await call('POST', '/webhooks', { url: receiver.url })).body;
    await complete(call, 'f1');
    await soon(async () => expect((await call('GET', '/webhooks')).body.items[0].active).toBe(false));
    const [ended] = await deliveries(call, webhookId);
    expect(ended).toMatchObject({ state: 'failed', lastStatus: 410, attempts: 1 });
    const replay = await call('POST', `/webhooks/${webhookId}/deliveries/${ended.id}/replay`);
    expect(replay.status).toBe(400);
    await complete(call, 'f2');
    await call('DELETE', `/files/f2`);
    expect(receiver.received).toHaveLength(1);
  });

  it('are owed after a kill, and sent by the next process', async () => {
    const DATA_DIR = temporaryDirectory();
    const receiver = await startReceiver();
    receiver.status = null;
    const first = await spawnGateway({ ...FAST, DATA_DIR, WEBHOOK_TIMEOUT_MS: '1000' });
    const call = callerOf(first.url);
    const { secret } = (await call('POST', '/webhooks', { url: receiver.url })).body;
    await complete(call, 'f1');
    await soon(() => expect(receiver.received).toHaveLength(1));
    await first.end('SIGKILL');
    receiver.status = 200;
    const second = await spawnGateway({ ...FAST, DATA_DIR });
    // The lease of the first process has to end; a new event need not wait for that, and on a busy machine comes after it.
    await complete(callerOf(second.url), 'f2');
    await soon(() => expect(receiver.received).toHaveLength(3));
    const events = receiver.verified(secret).map(({ data }, at) => ({
      fileId: data.fileId,
      id: receiver.received[at]?.headers['webhook-id'],
    }));
    expect(events[0]).toMatchObject({ fileId: 'f1' });
    expect(events.filter(({ fileId }) => fileId === 'f1')).toEqual([events[0], events[0]]);
    expect(events.filter(({ fileId }) => fileId === 'f2')).toHaveLength(1);
    const log = [...first.log, ...second.log].join('\n');
    expect(log).not.toContain('whsec_');
  });

  it('refuse what cannot be delivered to, and name the field', async () => {
    const call = callerOf((await startTestGateway({ MAX_WEBHOOKS: '1' })).url);
    const fieldOf = async (body: unknown) => {
      const { status, body: problem } = await call('POST', '/webhooks', body);
      expect({ status, code: problem.code }).toEqual({ status: 400, code: 'invalid_request' });
      return problem.errors[0].field;
    };
    expect(await fieldOf({})).toBe('url');
    expect(await fieldOf({ url: 'http://example.com' })).toBe('url');
    expect(await fieldOf({ url: 'https://169.254.169.254/latest' })).toBe('url');
    expect(await fieldOf({ url: 'https://example.com', events: [] })).toBe('events');
    expect(await fieldOf({ url: 'https://example.com', events: ['file.opened'] })).toBe('events[0]');
    expect(await fieldOf({ url: 'https://example.com', fileId: '' })).toBe('fileId');
    const url = 'https://example.com';
    expect(
      (await call('POST', '/webhooks', { url, events: ['file.failed'], fileId: 'f1' })).body,
    ).toMatchObject({
      events: ['file.failed'],
      fileId: 'f1',
    });
    expect(await fieldOf({ url })).toBe('url');
    for (const [method, path] of [
      ['DELETE', '/webhooks/none'],
      ['GET', '/webhooks/none/deliveries'],
      ['POST', '/webhooks/none/deliveries/none/replay'],
    ] as const)
      expect((await call(method, path)).body.code).toBe('not_found');
  });

  it("are their owner's alone, and get the events of the owner's files", async () => {
    const { url } = await startTestGateway({ ...FAST, ...JWT });
    const as = async (claims: Record<string, unknown>) => callerOf(url, await tokenOf(claims));
    const jane = await as({ sub: 'jane', scope: 'read ingest' });
    const joe = await as({ sub: 'joe', scope: 'read ingest' });
    const admin = await as({ sub: 'root', scope: 'admin' });
    const [hers, his, all] = [await startReceiver(), await startReceiver(), await startReceiver()];
    const { webhookId } = (await jane('POST', '/webhooks', { url: hers.url })).body;
    await joe('POST', '/webhooks', { url: his.url });
    await admin('POST', '/webhooks', { url: all.url });
    expect((await joe('POST', '/webhooks', { url: his.url, fileId: 'f1' })).body.code).toBe('file_not_found');
    expect((await (await as({ sub: 'jane', scope: 'ingest' }))('GET', '/webhooks')).status).toBe(403);
    expect((await callerOf(url)('GET', '/webhooks')).status).toBe(401);

    await complete(jane, 'f1');
    await complete(joe, 'f2');
    await soon(() => expect(all.received).toHaveLength(2));
    await soon(() => expect([hers.received.length, his.received.length]).toEqual([1, 1]));
    expect(JSON.parse(hers.received[0]?.body ?? '').data.fileId).toBe('f1');
    expect(JSON.parse(his.received[0]?.body ?? '').data.fileId).toBe('f2');

    expect((await jane('GET', '/webhooks')).body.items).toHaveLength(1);
    // An admin finds those that keep more than their users may see by now.
    expect((await admin('GET', '/webhooks')).body.items).toMatchObject([
      { userId: 'jane', allFiles: false },
      { userId: 'joe', allFiles: false },
      { userId: 'root', allFiles: true },
    ]);
    const [delivery] = await deliveries(jane, webhookId);
    for (const [method, path] of [
      ['DELETE', `/webhooks/${webhookId}`],
      ['GET', `/webhooks/${webhookId}/deliveries`],
      ['POST', `/webhooks/${webhookId}/deliveries/${delivery.id}/replay`],
    ] as const)
      expect((await joe(method, path)).body.code).toBe('not_found');
    expect((await jane('DELETE', `/webhooks/${webhookId}`)).status).toBe(204);
    expect((await jane('GET', '/webhooks')).body.items).toEqual([]);
  });
});
