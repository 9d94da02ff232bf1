import { describe, expect, test } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { startTestGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { ask, connect, refusalOf, subscribe } from '../support/socket.js';
import { retry, Signal } from '../support/wait.js';

/** Every event of a socket, as `name fileId`. */
function recorded(socket: Socket): { events: string[]; until(event: string): Promise<void> } {
  const events: string[] = [];
  const signal = new Signal();
  socket.onAny((name: string, { fileId }: { fileId: string }) => {
    events.push(`${name} ${fileId}`);
    signal.changed();
  });
  return {
    events,
    until: (event) =>
      signal.until(
        () => events.includes(event),
        () => events.join(),
      ),
  };
}

/** A change of a file with results in it, announced when this is over. */
async function change(url: string, fileId: string, upTo = 1): Promise<void> {
  const witness = await new StrictListener(fileId).join(url);
  await new Producer(url).update(message(`${fileId}/b`, plainResults('jane', upTo), { total: 9, fileId }));
  await witness.until(() => witness.stats?.progress.processed === upTo);
  witness.leave();
}

describe('a subscription', () => {
  test('to an unknown file has stats that are pending', async () => {
    const { url } = await startTestGateway();
    const answer = await subscribe(await connect(url), { fileId: 'f' });
    expect(answer).toMatchObject({
      ok: true,
      fileId: 'f',
      recovered: false,
      stats: {
        status: 'pending',
        progress: { total: 0, processed: 0, skipped: 0, percentage: 0 },
        completedAt: null,
      },
      emails: { emails: [], pagination: { total: 0, page: 1, limit: 50, pages: 0 } },
    });
    expect(answer.epoch).toBe(answer.stats.epoch);
    expect((await new Producer(url).get('/api/files/f')).status).toBe(404);
    expect((await new Producer(url).get('/api/files')).body.items).toEqual([]);
  });

  test('after unsubscribe nothing of the file comes any more', async () => {
    const { url } = await startTestGateway();
    const socket = await connect(url);
    const { events, until } = recorded(socket);
    await subscribe(socket, { fileId: 'left' });
    await subscribe(socket, { fileId: 'kept' });
    expect(await ask(socket, 'unsubscribe', { fileId: 'left' })).toEqual({ ok: true });
    expect(await ask(socket, 'unsubscribe', { fileId: 'left' })).toEqual({ ok: true });
    expect(await ask(socket, 'unsubscribe', { fileId: 'never heard of' })).toEqual({ ok: true });
    await change(url, 'left');
    await change(url, 'kept');
    await until('file_stats kept');
    expect(events).toEqual(['file_emails kept', 'file_stats kept']);
  });

  test('of one feed gets that feed only, and subscribing again changes which', async () => {
    const { url } = await startTestGateway();
    const socket = await connect(url);
    const { events, until } = recorded(socket);
    expect(await subscribe(socket, { fileId: 'f', feeds: ['stats'] })).not.toHaveProperty('emails');
    await change(url, 'f', 1);
    await until('file_stats f');
    expect(events.splice(0)).toEqual(['file_stats f']);

    expect(await subscribe(socket, { fileId: 'f', feeds: ['emails', 'emails'] })).toHaveProperty('emails');
    await change(url, 'f', 2);
    await until('file_emails f');
    await subscribe(socket, { fileId: 'f' });
    expect(events.splice(0)).toEqual(['file_emails f']);
    await change(url, 'f', 3);
    await until('file_stats f');
    // A second subscription does not double the events.
    expect(events).toEqual(['file_emails f', 'file_stats f']);
  });

  test('of stats only is recovered without results', async () => {
    const { url } = await startTestGateway();
    const socket = await connect(url);
    await change(url, 'f', 1);
    const { epoch } = await subscribe(socket, { fileId: 'f', feeds: ['stats'] });
    await change(url, 'f', 2);
    const answer = await subscribe(socket, { fileId: 'f', feeds: ['stats'], since: { epoch, revision: 1 } });
    expect(answer).toMatchObject({ recovered: true, stats: { progress: { processed: 2 } } });
    expect(answer).not.toHaveProperty('emails');
    expect(answer).not.toHaveProperty('missed');
  });

  test('many listeners of one file, each with a subscription of its own', async () => {
    const { url } = await startTestGateway();
    const [one, other] = [await connect(url), await connect(url)];
    const heard = [recorded(one), recorded(other)] as const;
    for (const socket of [one, other]) await subscribe(socket, { fileId: 'f' });
    await ask(one, 'unsubscribe', { fileId: 'f' });
    await change(url, 'f');
    await heard[1].until('file_stats f');
    one.disconnect();
    await change(url, 'f', 2);
    await heard[1].until('file_stats f');
    expect(heard[0].events).toEqual([]);
  });

  test('many at once on one socket, crossing each other', async () => {
    const { url } = await startTestGateway({ MAX_EVENTS_PER_SECOND: '1000' });
    const socket = await connect(url);
    const { events, until } = recorded(socket);
    const crossing = Array.from({ length: 51 }, (_, turn) =>
      ask(socket, turn % 3 === 1 ? 'unsubscribe' : 'subscribe', { fileId: 'f' }),
    );
    for (const answer of await Promise.all(crossing)) expect(answer).toMatchObject({ ok: true });
    await change(url, 'f');
    await until('file_stats f');
    await ask(socket, 'unsubscribe', { fileId: 'f' });
    await change(url, 'f', 2);
    await subscribe(socket, { fileId: 'g' });
    await change(url, 'g');
    await until('file_stats g');
    expect(events).toEqual(['file_emails f', 'file_stats f', 'file_emails g', 'file_stats g']);
  });
});

describe('limits of a socket', () => {
  test('so many subscriptions, counted by file', async () => {
    const { url } = await startTestGateway({ MAX_SUBSCRIPTIONS_PER_SOCKET: '2' });
    const socket = await connect(url);
    for (const fileId of ['a', 'b', 'a']) await subscribe(socket, { fileId });
    const refused = { ok: false, code: 'too_many_subscriptions', retryable: false, says: true };
    expect(await refusalOf(socket, 'subscribe', { fileId: 'c' })).toEqual(refused);
    await ask(socket, 'unsubscribe', { fileId: 'a' });
    await subscribe(socket, { fileId: 'c' });
    expect(await refusalOf(socket, 'subscribe', { fileId: 'a' })).toEqual(refused);
    await subscribe(await connect(url), { fileId: 'a' });
  });

  test('a refused subscription does not count', async () => {
    const { url } = await startTestGateway({ MAX_SUBSCRIPTIONS_PER_SOCKET: '1' });
    const socket = await connect(url);
    for (const fileId of ['', 'x'.repeat(257), 'line\nbreak', '\ud800']) {
      expect(await refusalOf(socket, 'subscribe', { fileId })).toMatchObject({ code: 'invalid_request' });
    }
    await subscribe(socket, { fileId: 'f' });
  });

  test('so many events a second, each one answered, and other sockets are not affected', async () => {
    const { url } = await startTestGateway({ MAX_EVENTS_PER_SECOND: '5' });
    const [greedy, patient] = [await connect(url), await connect(url)];
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => ask(greedy, 'subscribe', { fileId: 'f' })),
    );
    const refused = answers.filter((answer) => !(answer as { ok: boolean }).ok);
    expect(refused.length).toBeGreaterThan(20);
    expect(refused.length).toBeLessThan(40);
    for (const answer of refused)
      expect(answer).toMatchObject({ ok: false, error: { code: 'rate_limited', retryable: true } });
    await subscribe(patient, { fileId: 'f' });
    await retry(() => subscribe(greedy, { fileId: 'f' }));
  });

  test('so many connections', async () => {
    const { url } = await startTestGateway({ MAX_CONNECTIONS: '2' });
    const first = await connect(url);
    await connect(url, { transports: ['polling'] });
    await expect(connect(url)).rejects.toThrow();
    first.disconnect();
    await retry(() => connect(url));
  });
});

describe('the origin of a page', () => {
  const from = (origin: string, transport: 'websocket' | 'polling') => ({
    transports: [transport],
    extraHeaders: { origin },
  });

  test.each(['websocket', 'polling'] as const)(
    'over %s: only those that are listed, and its own',
    async (transport) => {
      const { url } = await startTestGateway({ CORS_ORIGINS: 'https://app.example, http://localhost:8080' });
      for (const origin of ['https://app.example', 'http://localhost:8080', url])
        await subscribe(await connect(url, from(origin, transport)), { fileId: 'f' });
      const strangers = [
        'https://evil.example',
        'https://app.example.evil.example',
        'http://app.example',
        'null',
        'http://localhost:8081',
        `${url}0`,
        'not an origin',
      ];
      for (const origin of strangers) await expect(connect(url, from(origin, transport))).rejects.toThrow();
    },
  );

  test('any, where that is set by hand', async () => {
    const { url } = await startTestGateway({ CORS_ORIGINS: '*' });
    await subscribe(await connect(url, from('https://anything.example', 'websocket')), { fileId: 'f' });
  });
});
