import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidInput } from '../../src/domain/invalid-input.js';
import { parseUpdate, UpdateReader } from '../../src/inlet/update-reader.js';
import { asPython } from '../support/python-json.js';
import { hostileResult } from '../support/results.js';
import { addresses, updateMessage } from '../support/updates.js';

/** In one turn: the envelope of a message, and one or two of its results. */
const FEW_RESULTS_BYTES = 1_200;

const bytesOf = (text: string): Buffer => Buffer.from(text);

/** What became of a message; results by what they mean, whichever blanks their text has. */
function outcome(read: () => ReturnType<typeof parseUpdate>): unknown {
  try {
    const { results, ...envelope } = read();
    return {
      ...envelope,
      results: results.map(({ json, ...result }) => ({ ...result, content: JSON.parse(json) })),
    };
  } catch (error) {
    if (error instanceof InvalidInput) return error.errors;
    throw error;
  }
}

/** Text that a message may hold, and what may look like the structure around it. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '}, {"email": "',
    '"validatedEmails": [',
    ']}',
    '], "x": [',
    '\\',
    '\u{1f600}',
    '\ud800',
    '\n',
  ),
);

const odd = fc.record({
  email: fc.oneof(text, fc.constant(5)),
  is_valid: fc.oneof(fc.boolean(), fc.constant('yes')),
  status: fc.constantFrom('deliverable', 'risky', 'unheard-of', null),
  risk_level: fc.constantFrom('low', 'none', 'extreme', null),
  deliverability_score: fc.oneof(fc.integer(), fc.double(), fc.constant('1')),
  details: fc.oneof(fc.constant(null), fc.object({ key: text, values: [text, fc.double(), fc.boolean()] })),
});
const entry = fc.oneof(
  { weight: 4, arbitrary: fc.nat(1_000).map((index) => hostileResult(index, index % 3)) },
  {
    weight: 4,
    arbitrary: fc
      .emailAddress()
      .map((email) => updateMessage({ batchId: 'b', emails: [email] }).validatedEmails[0]),
  },
  { weight: 1, arbitrary: odd },
  { weight: 1, arbitrary: fc.jsonValue() },
);

interface Entry {
  readonly batchId: string;
  readonly list: readonly unknown[];
  readonly isComplete: boolean;
  readonly last: Record<string, unknown>;
  /** Where something is put into the text, as a share of its length. */
  readonly edit: { readonly at: number; readonly with: string; readonly instead: number } | null;
  readonly compact: boolean;
}

const entries: fc.Arbitrary<Entry> = fc.record({
  batchId: fc.constantFrom('a', 'b'),
  list: fc.array(entry, { maxLength: 6 }),
  isComplete: fc.boolean(),
  last: fc.constantFrom<Record<string, unknown>>(
    {},
    {},
    {},
    { more: [1] },
    { validatedEmails: [] },
    { fileId: '' },
  ),
  edit: fc.option(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      with: fc.oneof(
        fc.constantFrom('', ' ', ',', ', ', ']', '[', '}', '{', '"', '\\', 'x', '\n', '{}, '),
        text,
      ),
      instead: fc.nat(3),
    }),
    { freq: 4 },
  ),
  compact: fc.boolean(),
});

function messageOf({ batchId, isComplete, last, edit, compact }: Entry, list: readonly unknown[]): Buffer {
  const value = {
    batchId,
    isComplete,
    totalEmails: 20,
    processedCount: list.length,
    validatedEmails: list,
    ...last,
  };
  const whole = compact ? JSON.stringify(value) : asPython(value);
  if (edit === null) return bytesOf(whole);
  const at = Math.floor(edit.at * whole.length);
  return bytesOf(whole.slice(0, at) + edit.with + whole.slice(at + edit.instead));
}

/** Lists that grow, are cut, and grow anew. */
function* messages(history: readonly Entry[]): Generator<Buffer> {
  const lists = new Map<string, unknown[]>();
  for (const [index, entry] of history.entries()) {
    const before = lists.get(entry.batchId) ?? [];
    const list = [...before.slice(0, index % 5 === 4 ? 1 : before.length), ...entry.list];
    lists.set(entry.batchId, list);
    yield messageOf(entry, list);
  }
}

describe('reading updates one after the other', () => {
  it('says of each what parsing all of it says', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 12 }), (history) => {
        const reader = new UpdateReader(2 ** 20);
        const inTurns = new UpdateReader(2 ** 20, FEW_RESULTS_BYTES);
        for (const bytes of messages(history)) {
          const whole = outcome(() => parseUpdate(bytes));
          expect(outcome(() => reader.read(bytes))).toEqual(whole);
          expect(outcome(() => inTurns.read(bytes))).toEqual(whole);
        }
      }),
    );
  });

  it('reads each update exactly as it would be read alone', () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 12 }), (history) => {
        const reader = new UpdateReader(2 ** 20);
        const read = (which: UpdateReader, bytes: Buffer) => {
          try {
            return which.read(bytes);
          } catch (error) {
            return error;
          }
        };
        for (const bytes of messages(history))
          expect(read(reader, bytes)).toEqual(read(new UpdateReader(0), bytes));
      }),
    );
  });

  it('stores every text as one line of well-formed JSON with nothing behind it', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const bytes = messageOf(entry, entry.list);
        try {
          for (const { json } of new UpdateReader(0).read(bytes).results) {
            expect(json).toMatch(/^\{[^\n\r]*\}$/);
            expect(JSON.stringify(JSON.parse(json)).isWellFormed()).toBe(true);
            // What is left of an escaped backslash may look like a surrogate, and is text.
            expect(JSON.stringify(JSON.parse(json)).replaceAll('\\\\', '')).not.toMatch(/\\ud[89a-f]/);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput);
        }
      }),
    );
  });

  it('reads anew only what is new', () => {
    const reader = new UpdateReader(2 ** 20);
    const grown = [5, 10, 15].map((count) =>
      reader.read(
        bytesOf(asPython(updateMessage({ batchId: 'b', emails: addresses(count), totalEmails: 20 }))),
      ),
    );
    for (const [index, { results }] of grown.entries()) {
      expect(results).toHaveLength((index + 1) * 5);
      for (const [place, result] of (grown[index - 1]?.results ?? []).entries())
        expect(results[place]).toBe(result);
    }
  });

  it('reads a list that is too long for one turn from the layout of the validator, in turns', async () => {
    const reader = new UpdateReader(2 ** 20, FEW_RESULTS_BYTES);
    const [first, second] = [20, 60].map((count) =>
      bytesOf(asPython(updateMessage({ batchId: 'b', emails: addresses(count), totalEmails: 100 }))),
    );
    let turns = 0;
    let isDone = false;
    const count = async () => {
      for (; !isDone; turns++) await setImmediate();
    };
    const counting = count();
    const before = await reader.readInTurns(first as Buffer);
    const after = await reader.readInTurns(second as Buffer);
    isDone = true;
    await counting;
    expect(turns).toBeGreaterThan(8);
    expect(after.results).toHaveLength(60);
    // The second took up where the first had ended.
    expect(after.results[19]).toBe(before.results[19]);
  });

  it('remembers nothing of a batch that it is to forget', () => {
    const reader = new UpdateReader(2 ** 20);
    const bytes = bytesOf(asPython(updateMessage({ batchId: 'b', emails: addresses(5) })));
    const read = () => reader.read(bytes).results[0];
    const first = read();
    expect(read()).toBe(first);
    reader.forget('b');
    const second = read();
    expect(second).not.toBe(first);
    reader.forgetAll();
    expect(read()).not.toBe(second);
  });

  it('keeps the text of a result as its producer wrote it', () => {
    const [result] = updateMessage({ batchId: 'b', emails: ['a@example.com'] }).validatedEmails;
    const { results } = new UpdateReader(0).read(
      bytesOf(asPython(updateMessage({ batchId: 'b', emails: ['a@example.com'] }))),
    );
    expect(results[0]?.json).toBe(asPython(result));
  });
});
