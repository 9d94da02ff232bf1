import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { emailsPayload } from '../../src/domain/events.js';
import {
  fingerprints,
  type PlacedResult,
  placedJson,
  type Result,
  readResult,
} from '../../src/domain/result.js';
import { CELLS } from '../../src/domain/verdict.js';
import { addresses, entry, update } from '../support/updates.js';

function read(value: unknown): Result {
  const result = readResult(value);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

/** Any text that may come: with surrogates that stand alone, controls, backslashes and what JSON escapes. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      'a',
      '\\',
      '"',
      '\n',
      '\u0000',
      '\u2028',
      '\ud83d',
      '\ude00',
      '\udce4',
      '\\ud800',
      '\ud800\\',
      '😀',
      '\u202e',
      '=',
      ',',
      '<',
    ),
    fc.string({ unit: 'binary', maxLength: 2 }),
  ),
  maxLength: 12,
});

describe('a result', () => {
  it('keeps what is known of it, under the names of the wire and in their order', () => {
    const sent = entry('Jane+News@example.com', {
      status: 'undeliverable',
      risk: 'high',
      subStatus: 'Invalid SMTP',
    });
    const result = read({ ...sent, internal: 'ignored' });
    expect(result.json).toBe(JSON.stringify(sent));
    expect(result.email).toBe('Jane+News@example.com');
    expect(CELLS[result.cell]).toEqual({ status: 'undeliverable', category: 'invalid_smtp', risk: 'high' });
  });

  it('needs an address and nothing else', () => {
    const { json, cell } = read({ email: '' });
    expect(JSON.parse(json)).toEqual({
      email: '',
      is_valid: null,
      status: 'unknown',
      risk_level: null,
      deliverability_score: null,
      details: null,
    });
    expect(CELLS[cell]).toEqual({ status: 'unknown', category: 'other', risk: null });
  });

  it.each([
    ['status', 'DELIVERABLE', 'unknown'],
    ['status', 'toString', 'unknown'],
    ['status', 7, 'unknown'],
    ['status', null, 'unknown'],
    ['risk_level', 'severe', null],
    ['risk_level', '__proto__', null],
    ['risk_level', 3, null],
    ['is_valid', 'yes', null],
    ['deliverability_score', '95', null],
    ['details', 'none', null],
    ['details', 5, null],
  ])('takes %s %j for %j, and the rest stands', (field, value, taken) => {
    const sent = { ...entry('a@example.com', { status: 'risky', risk: 'medium' }), [field]: value };
    expect(JSON.parse(read(sent).json)).toEqual({ ...sent, [field]: taken });
  });

  it('stores details as they came', () => {
    const details = { general: { reason: 'x' }, extra: [1, { deep: [null] }], sub_status: 'Timeout', '': 0 };
    expect(JSON.parse(read({ email: 'a', status: 'unknown', details }).json).details).toEqual(details);
    const hostile = JSON.parse('{"__proto__":{"sub_status":"Timeout"},"toJSON":1}') as object;
    const result = read({ email: 'a', status: 'unknown', details: hostile });
    expect(result.json).toContain('"__proto__":{"sub_status":"Timeout"}');
    expect(CELLS[result.cell]).toEqual({ status: 'unknown', category: 'other', risk: null });
  });

  it.each([
    [null, 'must be an object'],
    ['a@example.com', 'must be an object'],
    [7, 'must be an object'],
    [[], 'must be an object'],
    [{}, 'email must be a string'],
    [{ email: null }, 'email must be a string'],
    [{ email: ['a'] }, 'email must be a string'],
  ])('cannot be read from %j', (value, why) => {
    expect(readResult(value)).toBe(why);
  });

  it('is well-formed text on one line, and says what came but for lone surrogates', () => {
    fc.assert(
      fc.property(text, text, text, (email, reason, key) => {
        const { json, email: address } = read({ email, details: { [key]: reason, list: [[reason]] } });
        expect(address).toBe(email.toWellFormed());
        expect(json.isWellFormed()).toBe(true);
        expect(json).not.toMatch(/[\n\r]/);
        const { email: stored, details } = JSON.parse(json);
        expect(stored).toBe(email.toWellFormed());
        expect(details[key.toWellFormed()]).toBe(key === 'list' ? undefined : reason.toWellFormed());
        expect(details.list).toEqual([[reason.toWellFormed()]]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a result with its place', () => {
  it('is valid JSON, equal to the object with the place in it', () => {
    fc.assert(
      fc.property(text, text, fc.nat(), (email, id, position) => {
        const batchId = id.toWellFormed();
        const { json } = read({ email, details: { reason: email } });
        expect(JSON.parse(placedJson({ batchId, position, json }))).toEqual({
          ...JSON.parse(json),
          batchId,
          position,
        });
      }),
    );
  });
});

describe('the payload of file_emails', () => {
  const place = fc.record({ batchId: text.map((id) => id.toWellFormed()), position: fc.nat(), email: text });
  const cut = fc.record({ batchId: text.map((id) => id.toWellFormed()), length: fc.nat() });

  it('is valid JSON, equal to the event as an object', () => {
    fc.assert(
      fc.property(
        fc.array(place, { maxLength: 5 }),
        fc.array(cut, { maxLength: 3 }),
        text,
        (places, truncated, id) => {
          const event = { fileId: id.toWellFormed(), epoch: 'e"1', revision: 4, previous: 2 };
          const results = places.map(
            ({ email, ...at }): PlacedResult => ({ ...at, json: read({ email, details: { email } }).json }),
          );
          const payload = emailsPayload(event, results, truncated);
          expect(payload.isWellFormed()).toBe(true);
          expect(JSON.parse(payload)).toEqual({
            ...event,
            emails: results.map(({ json, ...at }) => ({ ...JSON.parse(json), ...at })),
            ...(truncated.length > 0 ? { truncated } : {}),
          });
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('fingerprints', () => {
  const results = (...emails: string[]) => update({ batchId: 'b', emails }).results;

  it('tell whether a list only adds to another one', () => {
    const old = results('a', 'b');
    const { whole } = fingerprints(old, 0);
    expect(fingerprints(results('a', 'b', 'c'), 2).prefix).toBe(whole);
    expect(fingerprints(results('a', 'b'), 2)).toEqual({ prefix: whole, whole });
    for (const other of [
      results('a'),
      results('a', 'c', 'b'),
      results('b', 'a', 'c'),
      results('ab', 'c'),
      [],
    ]) {
      expect(fingerprints(other, 2).prefix).not.toBe(whole);
    }
  });

  it('notice a verdict that has changed', () => {
    const [before, after] = ['Timeout', 'No Connect'].map(
      (subStatus) => update({ batchId: 'b', emails: [entry('a', { status: 'unknown', subStatus })] }).results,
    );
    expect(fingerprints(before ?? [], 1).whole).not.toBe(fingerprints(after ?? [], 1).whole);
  });

  it('do not depend on where the list was cut before', () => {
    const list = results(...addresses(20));
    const wholes = Array.from({ length: 21 }, (_, length) => fingerprints(list, length).whole);
    expect(new Set(wholes).size).toBe(1);
    // A list as long as the whole is all prefix.
    expect(fingerprints(list, 20).prefix).toBe(wholes[0]);
  });
});
