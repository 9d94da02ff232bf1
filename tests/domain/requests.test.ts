import { describe, expect, it } from '@jest/globals';
import { InvalidInput } from '../../src/domain/invalid-input.js';
import { refreshSchema, subscribeSchema, unsubscribeSchema } from '../../src/domain/requests.js';
import { parseInput } from '../../src/domain/schemas.js';
import { ERRORS, type ErrorCode, FatalError, Fault } from '../../src/errors.js';
import { refusal } from '../../src/realtime/listeners.js';

/** The fields that were named as wrong; empty: it was taken. */
function wrongFields(request: unknown, schema: Parameters<typeof parseInput>[0] = subscribeSchema): string[] {
  try {
    parseInput(schema, request);
  } catch (error) {
    if (error instanceof InvalidInput) return [...new Set(error.errors.map(({ field }) => field))];
    throw error;
  }
  return [];
}

describe('a request to subscribe', () => {
  it('is for both feeds where it names none', () => {
    expect(parseInput(subscribeSchema, { fileId: 'f1' })).toEqual({
      fileId: 'f1',
      feeds: ['stats', 'emails'],
    });
    expect(parseInput(subscribeSchema, { fileId: 'f1', feeds: null }).feeds).toEqual(['stats', 'emails']);
    expect(parseInput(subscribeSchema, { fileId: 'f1', feeds: ['emails'] }).feeds).toEqual(['emails']);
  });

  it('may say where it has got to', () => {
    const since = { epoch: 'e1', revision: 42 };
    expect(parseInput(subscribeSchema, { fileId: 'f1', since })).toMatchObject({ since });
    expect(
      parseInput(subscribeSchema, { fileId: 'f1', since: { epoch: '', revision: 0 } }).since?.revision,
    ).toBe(0);
    expect(parseInput(subscribeSchema, { fileId: 'f1', since: null }).since ?? null).toBeNull();
  });

  it('ignores what it does not know', () => {
    expect(
      parseInput(subscribeSchema, { fileId: 'f1', version: 7, since: { epoch: 'e', revision: 1, more: [] } }),
    ).toEqual({
      fileId: 'f1',
      feeds: ['stats', 'emails'],
      since: { epoch: 'e', revision: 1 },
    });
    const hostile: unknown = JSON.parse('{"fileId":"f1","__proto__":{"feeds":["odd"]}}');
    expect(parseInput(subscribeSchema, hostile)).toEqual({ fileId: 'f1', feeds: ['stats', 'emails'] });
  });

  it.each([
    ['fileId', [undefined, null, '', 7, {}, ['f1'], 'x'.repeat(257), 'a\u0000b', '\ud800', 'f1\n']],
    ['feeds', ['stats', [], {}, Array(9).fill('stats')]],
    ['feeds[0]', [['odd'], [7], [null], ['__proto__']]],
    ['feeds[1]', [['stats', 'Stats']]],
    ['since', ['e1', 7, [], true]],
    ['since.epoch', [{ revision: 1 }, { epoch: 7, revision: 1 }, { epoch: 'x'.repeat(129), revision: 1 }]],
    [
      'since.revision',
      [-1, 1.5, '1', null, undefined, Number.NaN, Infinity, 2 ** 53].map((revision) => ({
        epoch: 'e',
        revision,
      })),
    ],
  ])('names %s where it is wrong', (field, values) => {
    const [name = ''] = field.split(/[.[]/);
    for (const value of values) expect(wrongFields({ fileId: 'f1', [name]: value })).toEqual([field]);
  });

  it.each([[undefined], [null], ['f1'], [7], [[]], [Buffer.from('f1')]])(
    'is an object, and not %p',
    (request) => {
      expect(() => parseInput(subscribeSchema, request)).toThrow(InvalidInput);
      expect(() => parseInput(unsubscribeSchema, request)).toThrow(InvalidInput);
    },
  );
});

describe('a request to refresh', () => {
  it('needs a token of a sensible length', () => {
    expect(parseInput(refreshSchema, { token: 'x'.repeat(16_384) }).token).toHaveLength(16_384);
    for (const token of [undefined, null, '', 7, {}, 'x'.repeat(16_385)]) {
      expect(wrongFields({ token }, refreshSchema)).toEqual(['token']);
    }
  });

  it('repeats nothing of a token that cannot be read', () => {
    expect(() => parseInput(refreshSchema, { token: { secret: 'hush' } })).not.toThrow('hush');
  });
});

describe('a refusal', () => {
  it('says of each error what the table says', () => {
    for (const [code, { title, retryable }] of Object.entries(ERRORS)) {
      expect(refusal(new Fault(code as ErrorCode))).toEqual({
        ok: false,
        error: { code, message: title, retryable },
      });
    }
  });

  it('names the fields of an invalid request', () => {
    const error = new InvalidInput([
      { field: 'fileId', message: 'is required' },
      { field: 'since.epoch', message: 'must be text' },
    ]);
    expect(refusal(error)).toEqual({
      ok: false,
      error: {
        code: 'invalid_request',
        message: 'fileId: is required; since.epoch: must be text',
        retryable: false,
      },
    });
  });

  it('does not reveal internal errors', () => {
    const secrets = [
      new Error('password=hush'),
      new FatalError('hush', 70),
      'hush',
      null,
      undefined,
      { code: 'hush' },
    ];
    for (const error of secrets) {
      const said = refusal(error);
      expect(said.error.code).toBe('internal');
      expect(JSON.stringify(said)).not.toContain('hush');
    }
  });
});
