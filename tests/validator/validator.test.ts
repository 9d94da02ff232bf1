import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { readUpdate } from '../../src/domain/read-update.js';
import { Fault } from '../../src/errors.js';
import { createValidator, type Validator, type ValidatorConfig } from '../../src/validator/validator.js';
import { retry } from '../support/wait.js';
import { always, standIn, validatorAt } from './stand-in.js';

const SECRET = 'victim@example.com';
const KEY = 'origin-validator-key-0123456789abcdef';
const FLAGS = {
  check_mx: true,
  check_smtp: false,
  check_disposable: true,
  check_catch_all: true,
  check_blacklist: true,
};
const ONE = {
  batchId: 'bf054738-ca3a-4789-a538-cd0d28e8776b',
  status: 'processing',
  totalEmails: 3,
  processedEmails: 0,
  estimatedTime: '1 minutes',
  results: null,
};
const MANY = {
  requestId: 'ff36e2f5-45b1-4e4a-ab3b-5508bb400589',
  batchIds: ['4480f3a7-bd8f-4406-82a7-1ca4e0114ccf', '72600965-eeae-4579-bd64-6d67afbcd240'],
  status: 'processing',
  totalEmails: 11,
  processedEmails: 0,
  estimatedTime: '1 minutes',
  isMultiBatch: true,
};
const RESULT = {
  email: SECRET,
  is_valid: true,
  status: 'deliverable',
  risk_level: 'low',
  deliverability_score: 100,
  details: { general: { domain: 'example.com', reason: 'All validations passed' }, sub_status: null },
};
const AT_ONCE = { ...ONE, status: 'completed', totalEmails: 1, processedEmails: 1, results: [RESULT] };

const log: string[] = [];
const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) });

const client = (url: string, config: Partial<ValidatorConfig> = {}): Validator =>
  validatorAt({ url }, { VALIDATOR_API_KEY: KEY, ...config }, logger);

const submit = (validator: Validator, emails: readonly string[] = [SECRET, 'plain', 'c@x']) =>
  validator.submit({ emails, flags: FLAGS, userId: 'user-1' });

async function faultOf(submission: Promise<unknown>): Promise<Fault> {
  const error = await submission.then(
    () => new Error('it was accepted'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Fault)) throw error;
  return error;
}

describe('a submission', () => {
  test.each(['', '/', '//'])('is sent unchanged (base URL with %j at its end)', async (slash) => {
    const server = await standIn(always(200, ONE));
    const emails = ['Jane+news@x', ' lead@x', '', 'a', 'a', 'nul\0@x', 'jürgen@x', '🙂'];
    await submit(client(server.url + slash), emails);
    const [seen, ...others] = server.seen;
    expect(others).toEqual([]);
    expect([seen?.method, seen?.url]).toEqual(['POST', '/api/v1/validate-batch']);
    expect(seen?.headers).toMatchObject({
      'x-api-key': KEY,
      'x-user-id': 'user-1',
      'x-client-id': 'verigate',
      'content-type': 'application/json',
    });
    expect(JSON.parse(seen?.body ?? '')).toEqual({ emails, ...FLAGS });
  });

  test('is answered with one batch, with many, or with a result', async () => {
    const answered = async (answer: unknown, count: number) =>
      submit(client((await standIn(always(200, answer))).url), Array(count).fill('a'));
    expect(await answered(ONE, 3)).toEqual({ requestId: null, batchIds: [ONE.batchId], update: null });
    expect(await answered(MANY, 11)).toEqual({
      requestId: MANY.requestId,
      batchIds: MANY.batchIds,
      update: null,
    });
    const { update, ...rest } = await answered(AT_ONCE, 1);
    expect(rest).toEqual({ requestId: null, batchIds: [ONE.batchId] });
    expect(readUpdate(JSON.parse(update ?? ''))).toMatchObject({
      batchId: ONE.batchId,
      isComplete: true,
      totalEmails: 1,
      processedCount: 1,
      results: [{ email: SECRET }],
    });
    expect((await answered({ ...AT_ONCE, results: [] }, 1)).update).toContain('"isComplete":true');
  });

  test('may be answered with results that hold lone surrogates', async () => {
    const text = JSON.stringify(AT_ONCE).replace('All validations passed', '\\udcfc');
    const { update } = await submit(client((await standIn(always(200, text))).url), ['a']);
    expect(readUpdate(JSON.parse(update ?? '')).results[0]?.json).toContain('\ufffd');
  });

  test.each(['jürgen', ' ', ' jane', 'jane ', 'a\r\nX-API-Key: b', 'u'.repeat(256)])(
    'of a user that no header can carry (%j) names one that stands for them',
    async (userId) => {
      const server = await standIn(always(200, ONE));
      for (let i = 0; i < 2; i++)
        await client(server.url).submit({ emails: ['a', 'b', 'c'], flags: FLAGS, userId });
      const names = server.seen.map(({ headers }) => headers['x-user-id']);
      expect(names).toEqual([expect.stringMatching(/^sha256-[\da-f]{64}$/), names[0]]);
    },
  );

  test('without a key sends none', async () => {
    const server = await standIn(always(200, ONE));
    await submit(client(server.url, { VALIDATOR_API_KEY: undefined }));
    expect(server.seen[0]?.headers).not.toHaveProperty('x-api-key');
  });
});

describe('a validator that is down', () => {
  const tries = async (validator: Validator, times: number): Promise<Fault[]> => {
    const faults: Fault[] = [];
    for (let i = 0; i < times; i++) faults.push(await faultOf(submit(validator)));
    return faults;
  };

  test('is left alone after some failures in a row, and tried again after the pause', async () => {
    let isUp = false;
    const server = await standIn((response, seen) =>
      isUp ? always(200, ONE)(response, seen) : void response.destroy(),
    );
    const validator = client(server.url, { VALIDATOR_MAX_FAILURES: 3, VALIDATOR_PAUSE_MS: 200 });
    const faults = await tries(validator, 5);
    expect(faults.map(({ retryAfterSeconds }) => retryAfterSeconds)).toEqual([
      undefined,
      undefined,
      undefined,
      1,
      1,
    ]);
    expect(server.seen).toHaveLength(3);
    isUp = true;
    const answer = await retry(() => submit(validator));
    expect(answer).toMatchObject({ batchIds: [ONE.batchId] });
  });

  test.each([
    [502, 2],
    [503, 2],
    [504, 2],
    [500, 6],
    [429, 6],
    [422, 6],
    [401, 6],
  ])('is distinguished from one that answers %i: of six submissions %i reach it', async (status, reached) => {
    const server = await standIn(always(status, {}));
    await tries(client(server.url, { VALIDATOR_MAX_FAILURES: 2, VALIDATOR_PAUSE_MS: 60_000 }), 6);
    expect(server.seen).toHaveLength(reached);
  });

  test('does not hold those who ask for long when it is silent', async () => {
    const server = await standIn(() => undefined);
    const validator = client(server.url, {
      VALIDATOR_TIMEOUT_MS: 30,
      VALIDATOR_MAX_FAILURES: 2,
      VALIDATOR_PAUSE_MS: 60_000,
    });
    await tries(validator, 22);
    // One that is given up early may not have reached it.
    expect(server.seen.length).toBeLessThanOrEqual(2);
  });
});

describe('whatever else it answers is a fault that repeats nothing', () => {
  const echo = { detail: [{ loc: ['body', 'emails', 1], input: { emails: [SECRET] } }] };
  test.each<[string, number, unknown, Fault['code']]>([
    ['a missing key', 401, { detail: 'Missing API key' }, 'validator_unavailable'],
    ['a wrong key', 403, { detail: SECRET }, 'validator_unavailable'],
    ['a missing user', 400, { detail: 'Missing user ID' }, 'validator_unavailable'],
    ['a body it does not like', 422, echo, 'validator_unavailable'],
    ['another path', 404, { detail: 'Not Found' }, 'validator_unavailable'],
    ['another method', 405, { detail: 'Method Not Allowed' }, 'validator_unavailable'],
    ['a list too long for a proxy', 413, SECRET, 'payload_too_large'],
    ['the 41st in a minute', 429, { error: 'Rate limit exceeded: 40 per 1 minute' }, 'rate_limited'],
    ['no queue', 500, { detail: 'Failed to queue validation request' }, 'validator_unavailable'],
    ['no Redis', 500, 'Internal Server Error', 'validator_unavailable'],
    ['a proxy without a backend', 503, '<html>', 'validator_unavailable'],
    ['a page', 200, `<html>${SECRET}`, 'validator_unavailable'],
    ['nothing', 204, '', 'validator_unavailable'],
    ['null', 200, 'null', 'validator_unavailable'],
    ['an array', 200, [ONE], 'validator_unavailable'],
    ['a list without ids', 200, { emails: [SECRET] }, 'validator_unavailable'],
    ['no batches', 200, { ...MANY, batchIds: [] }, 'validator_unavailable'],
    ['a batch twice', 200, { ...MANY, batchIds: ['b', 'b'] }, 'validator_unavailable'],
    [
      'more batches than addresses',
      200,
      { ...MANY, batchIds: ['1', '2', '3', '4'] },
      'validator_unavailable',
    ],
    ['an id that is none', 200, { ...ONE, batchId: 'a\n' }, 'validator_unavailable'],
    ['results that are none', 200, { ...ONE, results: SECRET }, 'validator_unavailable'],
    ['a result that is none', 200, { ...AT_ONCE, results: [SECRET] }, 'validator_unavailable'],
  ])('%s', async (_, status, body, code) => {
    const server = await standIn(always(status, body));
    const fault = await faultOf(submit(client(server.url)));
    expect(fault.code).toBe(code);
    expect(fault.retryAfterSeconds).toBe(code === 'rate_limited' ? 60 : undefined);
    expect(server.seen).toHaveLength(1);
    expect(fault.message + fault.stack + log.join('')).not.toContain(SECRET);
    expect(log.join('')).not.toContain(KEY);
  });

  test.each([
    ['7', 7],
    ['0', 1],
    ['999999', 3600],
    ['soon', 60],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 1],
  ])('a Retry-After of %s is passed on as %i', async (value, seconds) => {
    const server = await standIn(always(429, {}, { 'retry-after': value }));
    expect((await faultOf(submit(client(server.url)))).retryAfterSeconds).toBe(seconds);
  });

  test.each([301, 302, 303, 307, 308])(
    'a redirect (%i) is not followed: it would carry the key along',
    async (status) => {
      const elsewhere = await standIn(always(200, ONE));
      const server = await standIn(always(status, '', { location: `${elsewhere.url}/validate-batch` }));
      expect((await faultOf(submit(client(server.url)))).code).toBe('validator_unavailable');
      expect(elsewhere.seen).toEqual([]);
    },
  );

  test('an answer without an end', async () => {
    const server = await standIn((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      const pour = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', pour);
      pour();
    });
    expect((await faultOf(submit(client(server.url)))).message).toMatch(/too large/);
  });

  test('silence, before the answer and in the middle of it', async () => {
    const mute = await standIn(() => undefined);
    const half = await standIn((response) =>
      response.writeHead(200, { 'content-length': '500' }).write('{"batchId":'),
    );
    for (const { url } of [mute, half]) {
      const fault = await faultOf(submit(client(url, { VALIDATOR_TIMEOUT_MS: 50 })));
      expect([fault.code, fault.message]).toEqual([
        'validator_unavailable',
        'the validator did not answer in time; it may have accepted the list anyway',
      ]);
    }
  });

  test('no server there, or one that closes the connection', async () => {
    const gone = await standIn((response) => response.destroy());
    const cut = await standIn((response) =>
      response.writeHead(200, { 'content-length': '500' }).write('{', () => response.destroy()),
    );
    for (const url of [gone.url, cut.url, 'http://127.0.0.1:1', 'http://no-such-host.invalid']) {
      expect((await faultOf(submit(client(url)))).code).toBe('validator_unavailable');
    }
  });
});

test('closing ends what is under way, and closing twice is a no-op', async () => {
  const server = await standIn(() => undefined);
  const validator = client(server.url);
  const arrived = server.next();
  const submission = faultOf(submit(validator));
  await arrived;
  await validator.close();
  await validator.close();
  expect((await submission).code).toBe('validator_unavailable');
});

describe('settings', () => {
  test('without a URL there is no validator', () => {
    const config = {
      VALIDATOR_USER_ID: 'v',
      VALIDATOR_TIMEOUT_MS: 1,
      VALIDATOR_MAX_FAILURES: 5,
      VALIDATOR_PAUSE_MS: 10,
      MAX_UPDATE_BYTES: 1024,
    };
    expect(createValidator(config, logger)).toBeNull();
  });
});
