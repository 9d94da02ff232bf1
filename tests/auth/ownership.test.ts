/** What another's file is to a caller who may write: nothing. Over REST, on both engines. */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { describeCluster, startGateways } from '../support/cluster.js';
import { expectDocumented } from '../support/documented.js';
import { effort } from '../support/effort.js';
import { message } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { connect, subscribe } from '../support/socket.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { standIn } from '../validator/stand-in.js';

const RACES = effort(15, 150);
const SETTINGS = { ...JWT, FLUSH_INTERVAL_MS: '0', MAX_COSTLY_REQUESTS_PER_MINUTE: '100000' };

describe('embedded', () => describeOwnership(1, () => ({})));
describeCluster('distributed, two gateways', (newEnv) => describeOwnership(2, newEnv));

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked into freely here
  readonly body: any;
}

function describeOwnership(gateways: number, newEnv: () => NodeJS.ProcessEnv): void {
  let urls: string[] = [];
  let turn = 0;
  const tokens = { jane: '', joe: '', worker: '', named: '', producer: '', admin: '', reader: '' };

  beforeAll(async () => {
    for (const [name, claims] of Object.entries({
      jane: { scope: 'read ingest' },
      joe: { scope: 'read ingest', files: ['other'] },
      worker: { scope: 'ingest' },
      named: { scope: 'read ingest', files: ['named'] },
      producer: { scope: 'read ingest', files: '*' },
      admin: { scope: 'admin' },
      reader: { scope: 'read', files: '*' },
    }))
      tokens[name as keyof typeof tokens] = await tokenOf({ sub: name, ...claims });
  });

  async function start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const started = await startGateways(gateways, { ...newEnv(), ...SETTINGS, ...env });
    urls = started.map(({ url }) => url);
  }

  /** Each call goes to the next gateway. */
  async function call(
    who: keyof typeof tokens,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer> {
    const response = await fetch(`${urls[turn++ % urls.length]}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens[who]}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expectDocumented(method, response.url, { status: response.status, headers: response.headers, text });
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  const register = (who: keyof typeof tokens, fileId: string, said: object = {}) =>
    call(who, 'POST', `/files/${fileId}/batches`, { batches: [{ batchId: `batch of ${fileId}` }], ...said });
  const update = (who: keyof typeof tokens, batchId: string, count: number, said: object = {}) =>
    call(who, 'POST', '/updates', message(batchId, plainResults(`${who} ${batchId}`, count), said));
  const emailsOf = async (fileId: string, who: keyof typeof tokens = 'admin'): Promise<string[]> =>
    (await call(who, 'GET', `/files/${fileId}/emails?limit=500`)).body.emails.map(
      ({ email }: { email: string }) => email,
    );

  it('refuses every write to another’s file like one to a file that does not exist', async () => {
    await start();
    expect((await register('jane', 'hers')).status).toBe(201);
    expect((await update('jane', 'batch of hers', 3)).body).toEqual({ outcome: 'applied' });
    const jane = await connect(urls[0] ?? '', { auth: { token: tokens.jane } });
    await subscribe(jane, { fileId: 'hers' });
    const heard: [string, string][] = [];
    jane.onAny((event, body) => heard.push([event, body.fileId]));
    // Without the rate, which depends on when it is asked for: the same stats may be announced again for it.
    const state = async () => {
      const { body } = await call('jane', 'GET', '/files/hers');
      return { ...body, stats: { ...body.stats, throughput: null, revision: null } };
    };
    const before = await state();

    const batches = [{ batchId: 'another' }];
    const list = plainResults('x', 1);
    const writes: [string, string, object?][] = [
      ['POST', '/files/FILE/validations', { emails: ['a@example.com'] }],
      ['POST', '/files/FILE/batches/batch of FILE/fail', { reason: 'why not' }],
      ['DELETE', '/files/FILE'],
    ];
    const claims: [string, string, object?][] = [
      ['POST', '/files/hers/batches', { batches }],
      ['POST', '/files/hers/batches', { requestId: 'r2', batches }],
      ['POST', '/files/hers/batches', { requestId: 'r2', userId: 'joe', batches }],
      ['POST', '/files/hers/batches', { batches: [{ batchId: 'batch of hers', totalEmails: 9 }] }],
      ['POST', '/updates', message('another', list, { fileId: 'hers' })],
      ['POST', '/updates', message('another', list, { fileId: 'hers', requestId: 'r2' })],
      ['POST', '/updates', message('batch of hers', list, { fileId: 'hers', isComplete: true })],
    ];
    for (const who of ['joe', 'worker', 'named'] as const) {
      for (const [method, path, body] of [...writes, ...claims]) {
        const { status, body: answer } = await call(who, method, path.replaceAll('FILE', 'hers'), body);
        expect([who, path, status, answer.code]).toEqual([who, path, 404, 'file_not_found']);
        // To submit for a new file is allowed to them.
        if (!path.includes('FILE') || path.endsWith('validations')) continue;
        const missing = await call(who, method, path.replaceAll('FILE', 'none'), body);
        expect([status, answer]).toEqual([missing.status, missing.body]);
      }
      // What cannot be told from an update for a batch that nobody has registered is held like it.
      const isComplete = true;
      expect((await update(who, 'batch of hers', 5, { isComplete })).body).toEqual({ outcome: 'held' });
      expect((await update(who, 'batch of nobody', 5, { isComplete })).body).toEqual({ outcome: 'held' });
    }
    for (const [method, path, body] of [...writes, ...claims]) {
      const { status, body: answer } = await call('reader', method, path.replaceAll('FILE', 'hers'), body);
      expect([path, status, answer.code]).toEqual([path, 403, 'forbidden']);
    }
    expect(await state()).toEqual(before);
    expect(heard.filter(([event]) => event !== 'file_stats')).toEqual([]);
    // The owner is still subscribed.
    const more = new Promise((resolve) => jane.once('file_emails', resolve));
    expect((await update('jane', 'batch of hers', 4)).body).toEqual({ outcome: 'applied' });
    await more;
    expect(await emailsOf('hers', 'jane')).toHaveLength(4);
  });

  it('lets the owner, those whose token names the file, our producers and admins write to it', async () => {
    await start();
    for (const [index, who] of (['jane', 'named', 'producer', 'admin'] as const).entries()) {
      const batchId = `b${index}`;
      if (index === 0) expect((await register('jane', 'named')).status).toBe(201);
      expect((await register(who, 'named', { batches: [{ batchId }] })).status).toBe(201);
      expect((await update(who, batchId, 2)).body).toEqual({ outcome: 'applied' });
      const failed = await call(who, 'POST', `/files/named/batches/${batchId}/fail`, { reason: 'done' });
      expect([who, failed.status, failed.body.batches?.failed]).toEqual([who, 200, index + 1]);
    }
    // Only the owner and admins give it away.
    for (const who of ['named', 'producer'] as const)
      expect((await register(who, 'named', { requestId: 'r2', userId: who })).body.code).toBe(
        'file_not_found',
      );
    expect((await register('named', 'named', { requestId: 'r2' })).status).toBe(201);
    expect((await call('jane', 'GET', '/files/named/stats')).status).toBe(200);
    expect((await register('admin', 'named', { requestId: 'r3', userId: 'joe' })).status).toBe(201);
    expect((await call('jane', 'GET', '/files/named/stats')).status).toBe(404);
    expect((await call('joe', 'DELETE', '/files/named')).status).toBe(204);
  });

  it('gives updates that come first to the user who sent them, or to an admin', async () => {
    await start();
    expect((await update('joe', 'b1', 2, { fileId: 'sent' })).body).toEqual({ outcome: 'applied' });
    expect((await call('joe', 'GET', '/files/sent')).status).toBe(200);
    for (const who of ['jane', 'worker'] as const) {
      expect((await register(who, 'sent')).body.code).toBe('file_not_found');
      expect((await update(who, 'b2', 2, { fileId: 'sent' })).body.code).toBe('file_not_found');
    }
    expect((await call('jane', 'GET', '/files/sent')).status).toBe(404);

    for (const batchId of ['c1', 'c2', 'c3'])
      expect((await update('joe', batchId, 2)).body).toEqual({ outcome: 'held' });
    expect((await register('jane', 'f1', { batches: [{ batchId: 'c1' }] })).status).toBe(201);
    expect(await emailsOf('f1', 'jane')).toEqual([]);
    expect((await register('joe', 'f2', { batches: [{ batchId: 'c2' }] })).status).toBe(201);
    expect(await emailsOf('f2', 'joe')).toHaveLength(2);
    const given = { userId: 'jane', batches: [{ batchId: 'c3' }] };
    expect((await register('admin', 'f3', given)).status).toBe(201);
    expect(await emailsOf('f3', 'jane')).toHaveLength(2);
    // What our own producers send is for whoever registers the batch.
    expect((await update('producer', 'c4', 3)).body).toEqual({ outcome: 'held' });
    expect((await register('jane', 'f4', { batches: [{ batchId: 'c4' }] })).status).toBe(201);
    expect(await emailsOf('f4', 'jane')).toHaveLength(3);
  });

  it('ends the subscriptions of the owner before the file’s next one hears of it', async () => {
    await start();
    expect((await register('jane', 'given')).status).toBe(201);
    const jane = await connect(urls[0] ?? '', { auth: { token: tokens.jane } });
    await subscribe(jane, { fileId: 'given' });
    // Once events of an epoch have come, nothing but another epoch has the access of its listeners checked.
    const heard = new Promise((resolve) => jane.once('file_stats', resolve));
    expect((await update('jane', 'batch of given', 2)).body).toEqual({ outcome: 'applied' });
    await heard;
    const events: string[] = [];
    jane.onAny((event) => events.push(event));
    const ended = new Promise<unknown>((resolve) => jane.once('unsubscribed', resolve));
    // In the same request: no result goes.
    expect((await register('jane', 'given', { userId: 'joe' })).status).toBe(201);
    expect(await ended).toEqual({ fileId: 'given', code: 'forbidden' });
    expect(events).toEqual(['unsubscribed']);
    expect((await call('joe', 'GET', '/files/given')).status).toBe(200);
  });

  it(`answers one of two users who claim a new file at once with 409, ${RACES} times`, async () => {
    const accept = (response: ServerResponse) => {
      const [requestId, batchId] = [randomUUID(), randomUUID()];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ requestId, batchIds: [batchId, `${batchId} 2`], status: 'processing' }));
    };
    /** Until the other one has its answer, so that both are under way at once however busy the machine is. */
    let otherIsAnswered = new Promise<unknown>(() => undefined);
    // Only one of the two lists comes this far.
    const validator = await standIn((response) => void otherIsAnswered.then(() => accept(response)));
    await start({ VALIDATOR_URL: validator.url, VALIDATOR_API_KEY: 'k' });
    for (let race = 0; race < RACES; race++) {
      const fileId = `race ${race}`;
      const submit = (who: 'jane' | 'joe') =>
        call(who, 'POST', `/files/${fileId}/validations`, { emails: [`${who}@x`, `${who}@y`] });
      const both = [submit('jane'), submit('joe')];
      otherIsAnswered = Promise.race(both);
      const answers = await Promise.all(both);
      const [winner, loser] = answers[0]?.status === 202 ? ([0, 1] as const) : ([1, 0] as const);
      expect([race, answers[winner]?.status, answers[loser]?.status]).toEqual([race, 202, 409]);
      expect(answers[loser]?.body.code).toBe('file_exists');
      const [owner, other] = winner === 0 ? (['jane', 'joe'] as const) : (['joe', 'jane'] as const);
      const { batchIds } = answers[winner]?.body ?? {};
      const listed = (await call(owner, 'GET', `/files/${fileId}/batches`)).body.items;
      expect(listed.map(({ batchId }: { batchId: string }) => batchId).sort()).toEqual([...batchIds].sort());
      expect((await call(other, 'GET', `/files/${fileId}`)).status).toBe(404);
      expect((await call(other, 'POST', `/files/${fileId}/validations`, { emails: ['a@x'] })).status).toBe(
        404,
      );
    }
    for (let race = 0; race < RACES; race++) {
      const claim = (who: 'jane' | 'joe') =>
        register(who, `r${race}`, { batches: [{ batchId: `${who} ${race}` }] });
      const statuses = (await Promise.all([claim('jane'), claim('joe')])).map(({ status }) => status);
      // The slower one may come when the other is done.
      expect([...statuses].sort()).toEqual([201, statuses.includes(409) ? 409 : 404]);
    }
  });
}
