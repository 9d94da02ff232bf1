import { describe, expect, test } from '@jest/globals';
import { NO_FAULTS } from '../../demo/validator/options.js';
import { addresses, Caller } from './caller.js';
import { Receiver } from './receiver.js';

const UNKNOWN = '00000000-0000-0000-0000-000000000000';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

describe('a batch', () => {
  test('that is unknown is being processed', async () => {
    const { status, text } = await (await Caller.start()).get(`/validation-status/${UNKNOWN}`);
    expect([status, text]).toEqual([
      200,
      `{"batchId":"${UNKNOWN}","status":"processing","message":"Validation in progress","totalEmails":null,` +
        '"processedEmails":null,"results":null,"lastUpdated":null}',
    ]);
  });

  test('that is done has the results that were published', async () => {
    const receiver = await Receiver.start();
    const caller = await Caller.start({ gatewayUrl: receiver.url });
    const { batchIds } = await caller.submit(addresses(3));
    const [messages = []] = await receiver.complete(batchIds);
    const { text } = await caller.get(`/validation-status/${batchIds[0]}`);
    const { lastUpdated, ...rest } = JSON.parse(text) as { lastUpdated: string };
    expect(lastUpdated).toMatch(TIME);
    expect(rest).toEqual({
      batchId: batchIds[0],
      status: 'completed',
      message: null,
      totalEmails: 3,
      processedEmails: 3,
      results: messages.at(-1)?.validatedEmails,
    });
    expect(Object.keys(JSON.parse(text) as object).join()).toBe(
      'batchId,status,message,totalEmails,processedEmails,results,lastUpdated',
    );
  });

  test('with a reason that is not UTF-8 is an internal error, although it was published', async () => {
    const receiver = await Receiver.start();
    const faults = { ...NO_FAULTS, surrogate: 1 };
    const caller = await Caller.start({ gatewayUrl: receiver.url, faults });
    const { batchIds } = await caller.submit(['rejected@example.com', 'b@example.com']);
    await receiver.complete(batchIds);
    const { status, text } = await caller.get(`/validation-status/${batchIds[0]}`);
    expect([status, text]).toEqual([500, 'Internal Server Error']);
    expect(receiver.deliveries.at(-1)?.text).toContain(String.raw`Empf\udce4nger`);
  });
});

describe('a request', () => {
  test('that is unknown is not found', async () => {
    const { status, text } = await (await Caller.start()).get(`/multi-validation-status/${UNKNOWN}`);
    expect([status, text]).toEqual([404, '{"detail":"Multi-batch request not found"}']);
  });

  test('is reported by its batches', async () => {
    const receiver = await Receiver.start();
    const caller = await Caller.start({ gatewayUrl: receiver.url });
    const { requestId, batchIds } = await caller.submit(addresses(11));
    await receiver.complete(batchIds);
    const redirect = await caller.get(`/validation-status/${requestId}`);
    expect([redirect.status, redirect.text, redirect.headers.get('location')]).toEqual([
      307,
      '',
      `/api/v1/multi-validation-status/${requestId}`,
    ]);
    const { text } = await caller.get(`/multi-validation-status/${requestId}`);
    const { lastUpdated } = JSON.parse(text) as { lastUpdated: string };
    expect(lastUpdated).toMatch(TIME);
    const sizes = [10, 1];
    const batches = batchIds.map((batchId, i) => ({
      batchId,
      status: 'completed',
      processedEmails: sizes[i],
      totalEmails: sizes[i],
    }));
    const counts = { totalEmails: 11, processedEmails: 11, progress: '11/11 (100%)' };
    expect(text).toBe(
      JSON.stringify({
        requestId,
        batchIds,
        status: 'completed',
        ...counts,
        isMultiBatch: true,
        batches,
        lastUpdated,
      }),
    );
  });

  test('that has not begun has batches without results', async () => {
    // The first address would take a quarter of an hour.
    const caller = await Caller.start({ rate: 0.001 });
    const { requestId } = await caller.submit(addresses(1000));
    const { text } = await caller.get(`/multi-validation-status/${requestId}`);
    const { status, progress, batches } = JSON.parse(text) as Record<string, unknown>;
    expect([status, progress]).toEqual(['processing', '0/1000 (0%)']);
    expect((batches as object[]).at(-1)).toMatchObject({
      status: 'processing',
      processedEmails: 0,
      totalEmails: 0,
    });
  });
});

test('status calls require a key and a user, and are limited for each id', async () => {
  const caller = await Caller.start();
  expect((await caller.get('/validation-status/x', { 'X-API-Key': null })).status).toBe(401);
  expect((await caller.get('/validation-status/x', { 'X-User-ID': null })).status).toBe(400);
  for (let i = 0; i < 50; i++) expect((await caller.get('/validation-status/x')).status).toBe(200);
  const { status, text } = await caller.get('/validation-status/x');
  expect([status, text]).toEqual([429, '{"error":"Rate limit exceeded: 50 per 1 minute"}']);
  expect((await caller.get('/validation-status/y')).status).toBe(200);
});
