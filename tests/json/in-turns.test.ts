import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidInput } from '../../src/domain/invalid-input.js';
import { readLargeUpdate } from '../../src/inlet/large-updates.js';
import { parseUpdate, UpdateReader } from '../../src/inlet/update-reader.js';
import { parseObject, SMALL_BYTES } from '../../src/json/in-turns.js';
import { checkDepth } from '../../src/json/scan.js';
import { effort } from '../support/effort.js';

/** Makes an object too large for one turn, and leaves what it says as it is. */
const padded = (text: string) => `${' '.repeat(SMALL_BYTES)}${text}`;

async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return { value: await read() };
  } catch (error) {
    return error instanceof InvalidInput ? error.errors.map(({ field }) => field) : error;
  }
}

const parsedAtOnce = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value };
  } catch {}
  return ['body'];
};

const spaces = fc.constantFrom('', ' ', '\n\t', '\r\n');
/** JSON of an object with lists, and with something put into it or cut out of it now and then. */
const texts = fc
  .tuple(
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('emails', '__proto__', 'a"b\\')),
      fc.oneof(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 }), fc.jsonValue({ maxDepth: 3 })),
    ),
    spaces,
    fc.option(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        instead: fc.nat(3),
        with: fc.constantFrom(
          '',
          ',',
          '"',
          '\\',
          '[',
          ']',
          '{',
          '}',
          ':',
          '1',
          ' 1',
          'null',
          '\ufeff',
          '\u0000',
        ),
      }),
      { freq: 2 },
    ),
  )
  .map(([value, space, edit]) => {
    const whole = JSON.stringify(value, null, space.trim() === '' ? space : undefined);
    if (edit === null) return whole;
    const at = Math.floor(edit.at * whole.length);
    return whole.slice(0, at) + edit.with + whole.slice(at + edit.instead);
  });

describe('an object that is parsed in turns', () => {
  it('is what JSON.parse says, or no JSON for both', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const bytes = Buffer.from(padded(text));
        // What is not well-formed does not survive as bytes.
        expect(await outcome(() => parseObject(bytes))).toEqual(parsedAtOnce(padded(text).toWellFormed()));
      }),
      { numRuns: effort(200, 5_000) },
    );
  });

  it.each([
    '{"a":1,}',
    '{"a":[1,]}',
    '{"a":[,1]}',
    '{"a":[1 2]}',
    '{"a":[{]}]}',
    '{"a":[[}]}',
    '{"a":1 "b":2}',
    '{"a"}',
    '{,}',
    '{"a":}',
    '{"a":[}',
    '{"a":1}}',
    '{"a":1} x',
    '{a:1}',
    "{'a':1}",
    '{"a":tru}',
    '{"a":"\n"}',
    '{"a":"\\x"}',
    '{"a":[01]}',
    '{"a":1',
    '{"a":"',
    '{"a":["\\',
    '{',
    '',
    '[]',
    '"a"',
    'null',
  ])('is none: %s', async (text) => {
    expect(await outcome(() => parseObject(Buffer.from(padded(text))))).toEqual(['body']);
  });

  it('is refused where it is nested too deeply or has too many values, small or large', async () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    for (const form of [(text: string) => text, padded]) {
      expect(await outcome(() => parseObject(Buffer.from(form(nested(63)))))).toHaveProperty('value');
      expect(await outcome(() => parseObject(Buffer.from(form(nested(64)))))).toEqual(['body']);
      // Brackets in texts are text.
      const text = form(JSON.stringify({ a: '['.repeat(100), b: ['"'.repeat(9), '\\"['.repeat(100)] }));
      expect(await outcome(() => parseObject(Buffer.from(text)))).toHaveProperty('value');
    }
    const wide = `{"a":[{${Array.from({ length: 10_001 }, (_, i) => `"${i}":0`).join()}}]}`;
    expect(await outcome(() => parseObject(Buffer.from(padded(wide))))).toEqual(['body']);
    expect(() => checkDepth('['.repeat(65))).toThrow(/nested/);
    expect(() => checkDepth('[]'.repeat(65))).not.toThrow();
  });
});

const entry = (i: number) => ({
  email: `jané${i}@example.com`,
  is_valid: true,
  status: 'deliverable',
  risk_level: 'low',
  deliverability_score: 95,
  details: { general: { domain: 'example.com', reason: '}, {"email": "]' }, sub_status: null },
});

describe('an update that is read in turns', () => {
  const update = (list: unknown, more: object = {}) => ({
    batchId: 'b',
    isComplete: true,
    totalEmails: 3,
    processedCount: 2,
    validatedEmails: list,
    ...more,
  });
  it.each([
    ['with results', update([entry(1), entry(2)])],
    ['without', update([])],
    ['that failed', update(null, { failed: true, error: 'gone' })],
    ['with a list that is none', update('none')],
    ['with entries that are none', update([entry(1), 7, {}, entry(2), null])],
    ['without a batch', update([entry(1)], { batchId: undefined })],
    ['with other lists', update([entry(1)], { others: [[1], { a: [2] }] })],
  ])('is the same as one that is read at once: %s', async (_, value) => {
    for (const text of [
      JSON.stringify(value),
      JSON.stringify(value, null, 1),
      `\ufeff${JSON.stringify(value)}`,
    ]) {
      const bytes = Buffer.from(text);
      const atOnce = await outcome(() => parseUpdate(bytes));
      expect(await outcome(async () => (await readLargeUpdate(bytes)).update)).toEqual(atOnce);
    }
  });

  it('has the list of the last member of that name', async () => {
    const text = JSON.stringify(update([entry(1)])).replace(
      '"totalEmails"',
      '"validatedEmails":[7],"totalEmails"',
    );
    const { update: read } = await readLargeUpdate(Buffer.from(text));
    expect(read.results).toEqual(parseUpdate(Buffer.from(text)).results);
  });
});

const BYTES = 8 * 2 ** 20;
const filled = (unit: string) => unit.repeat(BYTES / unit.length);
const keys = (count: number) => Array.from({ length: count }, (_, i) => `"k${i}":0`).join();

/** Bodies of 8 MiB that were made to keep the process busy. */
const SHAPES: Record<string, string> = {
  'arrays in arrays': `{"validatedEmails":${filled('[')}`,
  'objects in objects': filled('{"a":'),
  'empty objects': `{"validatedEmails":[${filled('{},')}{}]}`,
  zeros: `{"validatedEmails":[${filled('0,')}0]}`,
  'zeros where nobody looks': `{"x":{"y":[${filled('0,')}0]}}`,
  members: `{${keys(600_000)}}`,
  'keys in an entry': `{"validatedEmails":[{${keys(600_000)}}]}`,
  'a long text': `{"validatedEmails":["${filled('a')}"]}`,
  escapes: `{"validatedEmails":["${filled('\\u0041')}"]}`,
  digits: `{"totalEmails":${filled('1')}}`,
  'long numbers': `{"validatedEmails":[${filled('1.2345678901234567e-300,')}1]}`,
  'white space': `{"a":${filled(' ')}1}`,
  'a text without an end': `{"a":"${filled('\\')}`,
};

/** CPU time of the main thread in milliseconds; where the system does not say that, of all threads, which is more. */
function cpuTime(): number {
  try {
    const [onCpu = ''] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return Number(onCpu) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e3;
  }
}

/** The most CPU time, in milliseconds, between two turns of others. Other processes and threads that run do not count. */
async function longestHold(task: () => Promise<unknown>): Promise<number> {
  let before = cpuTime();
  let isDone = false;
  const working = task()
    .catch(() => undefined)
    .finally(() => {
      isDone = true;
    });
  let longest = 0;
  // The first piece is read during the call.
  while (!isDone) {
    await setImmediate();
    const now = cpuTime();
    longest = Math.max(longest, now - before);
    before = now;
  }
  await working;
  return longest;
}

/** At first the code is compiled as it runs, and neighbours on the same core make any code slower. */
async function expectShortHolds(task: () => Promise<unknown>): Promise<void> {
  const holds: number[] = [];
  for (let attempt = 1; attempt <= 5; attempt++) {
    holds.push(await longestHold(task));
    if (Math.min(...holds) < 100) break;
  }
  expect(Math.min(...holds)).toBeLessThan(100);
}

test.each(Object.entries(SHAPES))('no body of 8 MiB holds up the process: %s', async (_, text) => {
  const bytes = Buffer.from(text);
  for (const read of [readLargeUpdate, parseObject]) await expectShortHolds(() => read(bytes));
});

test('nor does one of the shortest results in the layout of the validator', async () => {
  const bytes = Buffer.from(
    `{"batchId": "b", "validatedEmails": [${filled('{"email": ""}, ')}{"email": ""}]}`,
  );
  await expectShortHolds(() => new UpdateReader(2 ** 20).readInTurns(bytes));
});

test('while an ordinary update of 2 MiB is read, others have their turns', async () => {
  const list = Array.from({ length: 10_000 }, (_, i) => entry(i));
  const bytes = Buffer.from(JSON.stringify({ batchId: 'b', failed: true, validatedEmails: list }));
  for (const read of [() => readLargeUpdate(bytes), () => parseObject(bytes)]) {
    let isDone = false;
    let turns = 0;
    const reading = read().finally(() => {
      isDone = true;
    });
    for (; !isDone; turns++) await setImmediate();
    await reading;
    expect(turns).toBeGreaterThan(8);
  }
});
