import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidInput } from '../../src/domain/invalid-input.js';
import { readUpdate } from '../../src/domain/read-update.js';
import { idSchema } from '../../src/domain/schemas.js';
import { isNewer, merged, type Update } from '../../src/domain/update.js';
import { entry, update, updateMessage } from '../support/updates.js';

const SAID = updateMessage({ batchId: 'b1', emails: ['a@example.com', 'b@example.com'], totalEmails: 10 });

/** The fields that were named as wrong, each once. */
function wrongFields(value: unknown): string[] {
  try {
    readUpdate(value);
  } catch (error) {
    if (error instanceof InvalidInput) return [...new Set(error.errors.map(({ field }) => field))];
    throw error;
  }
  return [];
}

describe('reading an update', () => {
  it('reads what the validator sends', () => {
    const { results, ...envelope } = readUpdate(SAID);
    expect(envelope).toEqual({
      batchId: 'b1',
      fileId: null,
      requestId: null,
      totalBatches: null,
      isComplete: false,
      failure: null,
      totalEmails: 10,
      processedCount: 2,
    });
    expect(results.map(({ email }) => email)).toEqual(['a@example.com', 'b@example.com']);
  });

  it('reads what other producers may add', () => {
    const more = { fileId: 'f1', requestId: 'r1', totalBatches: 7, failed: false, error: null };
    expect(readUpdate({ ...SAID, ...more })).toMatchObject({
      fileId: 'f1',
      requestId: 'r1',
      totalBatches: 7,
      failure: null,
    });
  });

  it('ignores keys that it does not know, and the time', () => {
    const extra = { lastUpdated: 'yesterday', worker: { id: 5 }, __proto__: null, constructor: 'x' };
    expect(readUpdate({ ...SAID, ...extra })).toEqual(readUpdate(SAID));
    const hostile = JSON.parse(JSON.stringify(SAID).replace('{', '{"__proto__":{"fileId":"f1"},'));
    expect(readUpdate(hostile)).toEqual(readUpdate(SAID));
  });

  it('takes null for a field that is not there', () => {
    const nulls = { fileId: null, requestId: null, totalBatches: null, failed: null, error: null };
    expect(readUpdate({ ...SAID, ...nulls })).toEqual(readUpdate(SAID));
  });

  it('lets a failing producer know no more than that', () => {
    expect(readUpdate({ batchId: 'b1', failed: true })).toEqual({
      batchId: 'b1',
      fileId: null,
      requestId: null,
      totalBatches: null,
      isComplete: false,
      failure: '',
      totalEmails: null,
      processedCount: 0,
      results: [],
    });
    const failed = { ...SAID, failed: true, isComplete: true, error: 'broken \ud800' };
    expect(readUpdate({ ...failed, error: '\u{1f4a3}'.repeat(1_000) }).failure).toBe('\u{1f4a3}'.repeat(500));
    expect(readUpdate(failed)).toMatchObject({
      isComplete: false,
      failure: 'broken \ufffd',
      processedCount: 2,
    });
  });

  it('keeps the same address twice, and no address at all', () => {
    const { results } = update({ batchId: 'b1', emails: ['a', 'a', '', '\u0000\u202e😀'] });
    expect(results.map(({ email }) => email)).toEqual(['a', 'a', '', '\u0000\u202e😀']);
  });

  it.each([
    ['batchId', [undefined, null, '', 7, 'x'.repeat(257), 'a\nb', 'a\u0000', 'a\u0085', '\ud800', {}]],
    ['fileId', ['', 7, 'x'.repeat(257), '\u007f', []]],
    ['requestId', ['', 7, '\ude00x']],
    ['totalBatches', [-1, 1.5, '3', 1e12, true]],
    ['isComplete', [undefined, null, 'true', 1, {}]],
    ['failed', ['true', 1]],
    ['error', [5, {}]],
    ['totalEmails', [undefined, null, -1, 0.5, '10', Number.NaN, Infinity, 2 ** 53]],
    ['processedCount', [undefined, null, -1, 0.5, '10']],
    ['validatedEmails', [undefined, null, {}, 'a', 7]],
  ])('names %s where it is wrong', (field, values) => {
    for (const value of values) expect(wrongFields({ ...SAID, [field]: value })).toEqual([field]);
  });

  it('names each entry that cannot be read, up to a number of them', () => {
    const validatedEmails = [entry('a'), 5, entry('b'), { email: 7 }, null];
    expect(wrongFields({ ...SAID, validatedEmails })).toEqual(
      ['[1]', '[3].email', '[4]'].map((at) => `validatedEmails${at}`),
    );
    const many = Array.from({ length: 1_000 }, () => null);
    expect(wrongFields({ ...SAID, validatedEmails: many })).toHaveLength(10);
  });

  it('names every wrong field at once, and repeats nothing of what came', () => {
    const secret = 'jane.doe@example.com';
    const wrong = { batchId: `${secret}\n`, isComplete: secret, totalEmails: secret, processedCount: secret };
    expect(wrongFields({ ...SAID, ...wrong })).toEqual(Object.keys(wrong));
    for (const value of [
      { ...SAID, ...wrong },
      { ...SAID, validatedEmails: [{ email: [secret] }, secret] },
      { ...SAID, error: { secret } },
    ]) {
      expect(() => readUpdate(value)).toThrow(InvalidInput);
      expect(() => readUpdate(value)).not.toThrow(secret);
    }
  });

  it.each([[null], [[]], ['{}'], [7]])('refuses %j', (value) => {
    expect(() => readUpdate(value)).toThrow(InvalidInput);
  });
});

describe('ids', () => {
  it('may be any text that a person can name and a database can hold', () => {
    for (const id of [
      'a',
      'x'.repeat(256),
      '😀'.repeat(128),
      '__proto__',
      ' ',
      "'",
      'é',
      '\u202e',
      '\u200b',
    ]) {
      expect(idSchema.safeParse(id).success).toBe(true);
    }
  });
});

describe('newer', () => {
  it('is complete before incomplete, whatever the counts, and then what got further', () => {
    const at = (isComplete: boolean, processedCount: number) => ({ isComplete, processedCount });
    expect(isNewer(at(false, 0), null)).toBe(true);
    expect(isNewer(at(true, 0), null)).toBe(true);
    expect(isNewer(at(true, 1), at(false, 100))).toBe(true);
    expect(isNewer(at(false, 100), at(true, 1))).toBe(false);
    expect(isNewer(at(false, 2), at(false, 1))).toBe(true);
    expect(isNewer(at(false, 1), at(false, 1))).toBe(false);
    expect(isNewer(at(true, 5), at(true, 4))).toBe(true);
    expect(isNewer(at(true, 4), at(true, 4))).toBe(false);
    expect(isNewer(at(true, 4), at(true, 5))).toBe(false);
  });

  it('is a strict order: nothing is newer than itself, and no two than each other', () => {
    const completeness = fc.record({ isComplete: fc.boolean(), processedCount: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(completeness, completeness, completeness, (a, b, c) => {
        expect(isNewer(a, a)).toBe(false);
        expect(isNewer(a, b) && isNewer(b, a)).toBe(false);
        if (isNewer(a, b) && isNewer(b, c)) expect(isNewer(a, c)).toBe(true);
      }),
    );
  });
});

describe('merging', () => {
  const said = fc
    .record({
      emails: fc.constantFrom(['a'], ['b'], []),
      isComplete: fc.boolean(),
      processedCount: fc.nat({ max: 3 }),
      failed: fc.boolean(),
      error: fc.constantFrom('x', 'y'),
    })
    .map((said) => update({ batchId: 'b1', ...said }));

  /** What a batch is after the updates one by one: its list, and whether it counts as failed. */
  const outcome = (updates: readonly Update[]) => {
    let list: Update | null = null;
    let failed = false;
    for (const one of updates) {
      failed ||= one.failure !== null && list?.isComplete !== true;
      if (isNewer(one, list)) list = one;
    }
    return { emails: list?.results.map(({ email }) => email), failed: failed && list?.isComplete !== true };
  };

  it('leaves what taking in one after the other would', () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 5 }), (updates) => {
        const together = updates.reduce(merged);
        expect(outcome([together])).toEqual(outcome(updates));
      }),
      { numRuns: 1_000 },
    );
  });
});
