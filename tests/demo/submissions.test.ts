import { describe, expect, test } from '@jest/globals';
import { addresses, Caller, FLAGS } from './caller.js';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const EMAIL = 'a@example.com';
const ONE = { emails: [EMAIL], ...FLAGS };
const BROKEN = 'Internal Server Error';

describe('refused as recorded from the real validator', () => {
  const pydantic = (type: string) => `https://errors.pydantic.dev/2.4/v/${type}`;
  const notJson = [
    {
      type: 'json_invalid',
      loc: ['body', 10],
      msg: 'JSON decode error',
      input: {},
      ctx: { error: 'Expecting value' },
    },
  ];
  const missing = (field: string, input: unknown) => ({
    type: 'missing',
    loc: ['body', field],
    msg: 'Field required',
    input,
    url: pydantic('missing'),
  });
  const noString = (index: number, input: unknown) => ({
    type: 'string_type',
    loc: ['body', 'emails', index],
    msg: 'Input should be a valid string',
    input,
    url: pydantic('string_type'),
  });
  const withoutFlags = { emails: [EMAIL], check_mx: true };
  const noObject = {
    type: 'model_attributes_type',
    loc: ['body'],
    msg: 'Input should be a valid dictionary or object to extract fields from',
    input: JSON.stringify(ONE),
    url: pydantic('model_attributes_type'),
  };

  test.each([
    ['no key', { 'X-API-Key': null }, ONE, 401, 'Missing API key'],
    ['a wrong key', { 'X-API-Key': 'wrong' }, ONE, 401, 'Invalid API key'],
    ['a wrong key before a bad body', { 'X-API-Key': 'wrong' }, { emails: 1 }, 401, 'Invalid API key'],
    ['no user', { 'X-User-ID': null }, ONE, 400, 'Missing user ID'],
    ['a blank user', { 'X-User-ID': '   ' }, ONE, 400, 'Missing user ID'],
    ['no addresses', {}, { emails: [], ...FLAGS }, 400, 'No emails provided'],
    ['not JSON', {}, '{"emails":', 422, notJson],
    ['not JSON, before no key', { 'X-API-Key': null }, '{"emails":', 422, notJson],
    ['no emails field', {}, FLAGS, 422, [missing('emails', FLAGS)]],
    [
      'missing flags',
      {},
      withoutFlags,
      422,
      ['check_smtp', 'check_disposable', 'check_catch_all', 'check_blacklist'].map((flag) =>
        missing(flag, withoutFlags),
      ),
    ],
    [
      'addresses that are no strings',
      {},
      { emails: [EMAIL, null, 5], ...FLAGS },
      422,
      [noString(1, null), noString(2, 5)],
    ],
    ['another content type', { 'content-type': 'text/plain' }, ONE, 422, [noObject]],
  ])('%s', async (_, headers, body, status, detail) => {
    const caller = await Caller.start();
    const reply = await caller.post(body, headers as Record<string, string | null>);
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toBe('application/json');
    expect(reply.text).toBe(JSON.stringify({ detail }));
  });

  test.each([
    ['a user of 256 characters', { 'X-User-ID': 'u'.repeat(256) }, JSON.stringify(ONE)],
    ['half a surrogate pair', {}, JSON.stringify(ONE).replace('a@', String.raw`\ud800@`)],
  ])('%s is an internal error', async (_, headers, body) => {
    const reply = await (await Caller.start()).post(body, headers as Record<string, string>);
    expect([reply.status, reply.text]).toEqual([500, BROKEN]);
    expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  test('another method or another path is refused', async () => {
    const caller = await Caller.start();
    const method = await caller.get('/validate-batch');
    expect([method.status, method.headers.get('allow'), method.text]).toEqual([
      405,
      'POST',
      '{"detail":"Method Not Allowed"}',
    ]);
    const path = await caller.get('/validate');
    expect([path.status, path.text]).toEqual([404, '{"detail":"Not Found"}']);
  });

  test('the 41st call of one user in a minute; calls refused with 400 count, with 401 or 422 do not', async () => {
    const caller = await Caller.start();
    const user = { 'X-User-ID': 'limited' };
    for (let i = 0; i < 5; i++) await caller.post('{', user);
    for (let i = 0; i < 5; i++) await caller.post(ONE, { ...user, 'X-API-Key': 'wrong' });
    for (let i = 0; i < 20; i++) expect((await caller.post({ emails: [], ...FLAGS }, user)).status).toBe(400);
    for (let i = 0; i < 20; i++) expect((await caller.post(ONE, user)).status).toBe(200);
    const reply = await caller.post(ONE, user);
    expect([reply.status, reply.text]).toEqual([429, '{"error":"Rate limit exceeded: 40 per 1 minute"}']);
    expect(reply.headers.get('retry-after')).toBeNull();
    expect((await caller.post(ONE, { 'X-User-ID': 'another' })).status).toBe(200);
  });

  test('more addresses than may wait are refused', async () => {
    const caller = await Caller.start({ maxWaiting: 10 });
    const reply = await caller.post({ emails: addresses(11), ...FLAGS });
    expect([reply.status, reply.text]).toEqual([500, '{"detail":"Failed to queue validation request"}']);
  });
});

describe('accepted submissions', () => {
  test.each([
    ['a flag as a string', { ...ONE, check_smtp: 'yes' }],
    ['unknown fields', { ...ONE, fileId: 'f1', check_spam: 1 }],
  ])('%s', async (_, body) => {
    expect((await (await Caller.start()).post(body)).status).toBe(200);
  });

  test('one address is answered with its result', async () => {
    const { status, text } = await (await Caller.start()).post(ONE);
    const { batchId, results, ...rest } = JSON.parse(text) as {
      batchId: string;
      results: { email: string }[];
    };
    expect([status, rest]).toEqual([
      200,
      { status: 'completed', totalEmails: 1, processedEmails: 1, estimatedTime: null },
    ]);
    expect(batchId).toMatch(UUID);
    expect(results.map(({ email }) => email)).toEqual([EMAIL]);
    expect(Object.keys(JSON.parse(text) as object).join()).toBe(
      'batchId,status,totalEmails,processedEmails,estimatedTime,results',
    );
  });

  test.each([2, 10])('%d addresses are one batch, without a request', async (count) => {
    const { status, text } = await (await Caller.start()).post({ emails: addresses(count), ...FLAGS });
    const answer = JSON.parse(text) as { batchId: string };
    expect(status).toBe(200);
    expect(answer.batchId).toMatch(UUID);
    expect(text).toBe(
      `{"batchId":"${answer.batchId}","status":"processing","totalEmails":${count},"processedEmails":0,` +
        '"estimatedTime":"1 minutes","results":null}',
    );
  });

  test.each([
    [11, 2, '1 minutes'],
    [50, 5, '2 minutes'],
    [51, 3, '2 minutes'],
    [100, 5, '3 minutes'],
    [101, 4, '3 minutes'],
    [200, 7, '6 minutes'],
    [201, 5, '6 minutes'],
    [500, 10, '13 minutes'],
    [501, 6, '13 minutes'],
    [1000, 10, '26 minutes'],
    [1001, 7, '26 minutes'],
    [20_000, 134, '501 minutes'],
  ])('%d addresses are %d batches', async (count, batches, estimatedTime) => {
    const { status, text } = await (await Caller.start()).post({ emails: addresses(count), ...FLAGS });
    const answer = JSON.parse(text) as { requestId: string; batchIds: string[] };
    const { requestId, batchIds } = answer;
    expect(status).toBe(200);
    expect([requestId, ...batchIds].every((id) => UUID.test(id))).toBe(true);
    expect(new Set(batchIds).size).toBe(batches);
    const rest = {
      status: 'processing',
      totalEmails: count,
      processedEmails: 0,
      estimatedTime,
      isMultiBatch: true,
    };
    expect(text).toBe(JSON.stringify({ requestId, batchIds, ...rest }));
  });
});
