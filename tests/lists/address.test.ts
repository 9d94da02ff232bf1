import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressIn, addressKey, hasAddress, looksLikeAddress } from '../../src/lists/address.js';
import { AddressSet } from '../../src/lists/address-set.js';
import { detectDialect } from '../../src/lists/dialect.js';
import { hasHeader } from '../../src/lists/header.js';
import { cellsOf } from '../../src/lists/text-rows.js';

const ZERO_WIDTH = '\u200b';

it.each([
  ['ann@example.com', 'ann@example.com'],
  [' ann@example.com\t', 'ann@example.com'],
  [`${ZERO_WIDTH}ann@example.com\ufeff`, 'ann@example.com'],
  ['\u202aann@example.com\u202c', 'ann@example.com'],
  ['\u2060\u00a0ann@example.com\u00ad', 'ann@example.com'],
  [`an${ZERO_WIDTH}n@example.com`, `an${ZERO_WIDTH}n@example.com`],
  ['"ann@example.com"', 'ann@example.com'],
  ["'ann@example.com'", 'ann@example.com'],
  ['“ann@example.com”', 'ann@example.com'],
  ['<ann@example.com>', 'ann@example.com'],
  ['"Lee, Ann" <ann@example.com>', 'ann@example.com'],
  ['Lee, Ann < ann@example.com >', 'ann@example.com'],
  ['MailTo:ann@example.com?subject=a@b', 'ann@example.com'],
  ['mailto:ann%2Bnews@example.com', 'ann+news@example.com'],
  ['mailto:100%@example.com', '100%@example.com'],
  ['"<mailto:ann@example.com>"', 'ann@example.com'],
  ["'=ann@example.com", '=ann@example.com'],
  ["'\t=ann@example.com", '=ann@example.com'],
  ["''=ann@example.com", "'=ann@example.com"],
  ["'ann@example.com", "'ann@example.com"],
  ['"ann lee"@example.com', '"ann lee"@example.com'],
  ['"a" and "b"', '"a" and "b"'],
  ['Ann <none>', 'Ann <none>'],
  ['plain', 'plain'],
  ['a\udce4b@x', 'a\ufffdb@x'],
  ['""', '""'],
  [' \ufeff', ''],
])('of %j it takes %j', (cell, address) => expect(addressIn(cell)).toBe(address));

const INVISIBLE = [' ', '\u00a0', ZERO_WIDTH, '\u{e0020}', '\u061c', '\0'];

it('takes away any number of invisible characters, and no half of one', () => {
  const around = fc.string({
    unit: fc.constantFrom(...INVISIBLE, ...INVISIBLE.map((one) => one.repeat(255))),
    maxLength: 4,
  });
  const inside = fc.constantFrom('a', 'a\u{e0020}b', '\u{1f600}', `\u{1f600}${ZERO_WIDTH.repeat(300)}é`, '');
  fc.assert(
    fc.property(around, inside, around, (before, kept, after) => {
      expect(addressIn(before + kept + after)).toBe(kept);
    }),
  );
});

/** CPU time in milliseconds: other processes do not count. */
const cpuOf = (act: () => unknown): number => {
  const before = process.cpuUsage();
  for (let run = 0; run < 30; run++) act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

it.each([ZERO_WIDTH, '\u{e0020}'])(
  'cleans a long cell of %j in little more than it takes to read it',
  (one) => {
    const blank = one.repeat(32_000 / one.length);
    const cell = `${blank}ann@example.com${blank}`;
    expect(addressIn(cell)).toBe('ann@example.com');
    const reading = () => [...cell].length;
    cpuOf(reading);
    // Character by character it took five to eight times as long, again and again, and held the gateway for most of a second.
    expect(cpuOf(() => addressIn(cell))).toBeLessThan(3 * cpuOf(reading));
  },
);

it('does not look at long cells to tell a column', () => {
  const padded = (blanks: number) => `${ZERO_WIDTH.repeat(blanks)}ann@example.com`;
  expect([1_000, 60_000].map((blanks) => hasAddress(padded(blanks)))).toEqual([true, false]);
  expect(['mailto:ann%40example.com', 'ann%40example'].map(hasAddress)).toEqual([true, false]);
});

it('takes nothing more from an address that it has taken out of a cell', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (cell) => {
      const address = addressIn(cell);
      expect(address.isWellFormed()).toBe(true);
      expect(address).toBe(address.replace(/^[\s\p{Cc}\p{Cf}]+|[\s\p{Cc}\p{Cf}]+$/gu, ''));
    }),
  );
});

it.each([
  'ann@example.com',
  'ann@localhost',
  'jürgen@müller.example',
  '"ann lee"@example.com',
  'ann+news@example.com',
])('%s looks like an address', (text) => expect(looksLikeAddress(text)).toBe(true));

it.each([
  '',
  '@',
  'ann@',
  '@ann',
  'ann',
  'a@b@c',
  'ann@example.com;Ann',
  'ann@a,b',
  'call ann@example.com',
  `${'x'.repeat(1_000)}@x`,
])('%.30s does not look like an address', (text) => expect(looksLikeAddress(text)).toBe(false));

it.each([
  ['blanks', `a${' '.repeat(200_000)}b`],
  ['brackets', '<'.repeat(200_000)],
  ['signs in brackets', `<${'@ '.repeat(100_000)}`],
  ['closed brackets', `${'<@>'.repeat(60_000)}x`],
  ['quotes', `"${"'".repeat(200_000)}`],
  ['lines', `"${'\n'.repeat(200_000)}"`],
])('takes a moment for hundreds of thousands of %s', async (_, cell) => {
  const before = process.cpuUsage();
  addressIn(cell);
  cellsOf(cell);
  hasHeader([[cell], [cell]]);
  await detectDialect(cell, true, 'utf-8');
  const { user } = process.cpuUsage(before);
  expect(user).toBeLessThan(3_000_000);
});

it('counts different texts like a set of strings does', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('', 'a', 'aa', 'A', '\0', 'ä', '😀'),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 1_500 }), (texts) => {
      const own = new AddressSet();
      const plain = new Set<string>();
      for (const one of texts.map((some) => some.toWellFormed())) {
        if (own.add(one) === plain.has(one)) throw new Error(`it is wrong about ${JSON.stringify(one)}`);
        plain.add(one);
      }
      expect(own.size).toBe(plain.size);
    }),
    { numRuns: 30 },
  );
});

it('keeps twenty thousand addresses, and texts larger than its blocks, apart', () => {
  const set = new AddressSet();
  const address = (index: number) => addressKey(`User${index}@Example${index % 100}.com`);
  const added = Array.from({ length: 20_000 }, (_, index) => set.add(address(index)));
  expect(added).not.toContain(false);
  const long = 'x'.repeat(1_200_000);
  expect([set.add(long), set.add(`${long}y`), set.add(long)]).toEqual([true, true, false]);
  for (let index = 0; index < 20_000; index += 97) expect(set.add(address(index))).toBe(false);
  expect([set.add('after'), set.add('after')]).toEqual([true, false]);
  expect(set.size).toBe(20_003);
});
