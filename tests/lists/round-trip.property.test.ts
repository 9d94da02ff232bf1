import { setImmediate } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PlacedResult } from '../../src/domain/result.js';
import { CSV_HEADER, csvRow } from '../../src/http/export/csv.js';
import { encodingOf } from '../../src/http/export/encoding.js';
import { asWorkbook } from '../../src/http/export/xlsx.js';
import { addressIn, addressKey, needsGuard } from '../../src/lists/address.js';
import { detectDialect } from '../../src/lists/dialect.js';
import { readRows } from '../../src/lists/read-rows.js';
import { LIMITS, readList } from './reading.js';

/** What customers send and remote servers answer, at its worst. NUL is shown as another character in an export. */
const hostile = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc
      .array(
        fc.constantFrom(
          "'",
          '=',
          '+',
          '@',
          '"',
          ',',
          ';',
          '\r',
          '\n',
          '\t',
          ' ',
          '<',
          '>',
          '\u200b',
          '＝',
          'a',
          'b.com',
        ),
        {
          maxLength: 8,
        },
      )
      .map((parts) => parts.join('')),
    fc.emailAddress(),
  )
  .map((text) => text.toWellFormed().replaceAll('\0', '0'));

const placed = (email: string, reason: string, position: number): PlacedResult => ({
  batchId: 'b',
  position,
  json: JSON.stringify({ email, status: 'risky', details: { general: { domain: 'x.com', reason } } }),
});

it('reads the addresses of our own export as they were sent, whatever they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(hostile, hostile), { maxLength: 30 }), async (said) => {
      const emails = [...said.map(([email]) => email), 'ann@example.com'];
      const rows = emails.map((email, index) =>
        csvRow(placed(email, `550 ${said[index]?.[1] ?? ''}`, index)),
      );
      const { summary, addresses } = await readList(Buffer.from(CSV_HEADER + rows.join('')));
      expect(summary).toMatchObject({
        format: 'csv',
        delimiter: ',',
        header: true,
        emailColumn: 0,
        rows: emails.length,
      });
      // Nobody's address begins with a guard: an apostrophe before a formula is a customer's own.
      const sent = emails.map((email) => addressIn(needsGuard(email) ? `'${email}` : email)).filter(Boolean);
      expect(addresses).toEqual(sent);
      const unique = new Set(sent.map(addressKey)).size;
      expect(summary.counts).toMatchObject({ unique, repeats: sent.length - unique });
    }),
    { numRuns: 100 },
  );
});

it('reads the same addresses from a workbook of ours, to the letter', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: 30 }), async (said) => {
      const emails = [...said, 'ann@example.com', 'a_x000D_b@example.com', '\u0001\ufffe@x.com\r'];
      const { head, row } = encodingOf({ format: 'xlsx', bom: false, escape: 'formulas' });
      async function* rows() {
        yield head + emails.map((email, index) => row(placed(email, '=1', index))).join('');
      }
      const parts: Uint8Array[] = [];
      for await (const bytes of asWorkbook(rows())) parts.push(bytes);
      const { summary, rows: cells } = await readList(Buffer.concat(parts));
      expect(summary).toMatchObject({ format: 'xlsx', header: true, emailColumn: 0, rows: emails.length });
      expect(cells.map(([email]) => email)).toEqual(emails);
    }),
    { numRuns: 30 },
  );
});

it('reads the same rows however the bytes arrive', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'ä', '😀', '"', ';', '\n', ' ', 'x'), maxLength: 6 });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom('utf8' as const, 'utf16le' as const),
      async (cells, pieceBytes, encoding) => {
        const rows = cells.map(([a, b], index) => [`u${index}@example.com`, a, b]);
        const text = [['E-Mail', 'A', 'B'], ...rows].map((row) => row.map(quoted).join(';')).join('\r\n');
        const list = await readList(Buffer.from(`\ufeff${text}`, encoding), pieceBytes);
        expect(list.header).toEqual(['E-Mail', 'A', 'B']);
        expect(list.rows).toEqual(rows);
      },
    ),
    { numRuns: 60 },
  );
});

it('reads no more of a long line in one go than of others, and looks at each delimiter in a turn of its own', async () => {
  const text = 'a@x.io,'.repeat(30_000);
  const source = {
    size: text.length,
    async *read() {
      yield Buffer.from(text);
    },
  };
  let turns = 0;
  let isDone = false;
  const counting = (async () => {
    for (; !isDone; turns++) await setImmediate();
  })();
  const layout = await detectDialect(text.slice(0, 65_536), false, 'utf-8');
  isDone = true;
  await counting;
  expect(turns).toBeGreaterThan(4);
  const batches: number[] = [];
  for await (const { rows } of readRows(source, { ...layout, format: 'text', delimiter: null }, LIMITS))
    batches.push(rows.length);
  expect(batches.reduce((sum, rows) => sum + rows)).toBe(30_000);
  expect(Math.max(...batches)).toBeLessThanOrEqual(2_000);
});

it('reads a line of thirty thousand addresses', async () => {
  const addresses = Array.from({ length: 30_000 }, (_, index) => `user${index}@example.com`);
  const { summary, addresses: read } = await readList(Buffer.from(addresses.join(', ')));
  expect(summary).toMatchObject({ format: 'text', rows: 30_000, counts: { unique: 30_000, repeats: 0 } });
  expect(read).toEqual(addresses);
});

it('finds one wrong byte at the end of a text that was UTF-8 so far', async () => {
  const text = Buffer.from(`name;mail\n${'Jürgen;ann@example.com\n'.repeat(10_000)}`);
  const whole = await readList(text, 1_000);
  expect(whole.summary.encoding).toBe('utf-8');
  const wrong = await readList(
    Buffer.concat([text, Buffer.from('J\xfcrgen;bob@example.org', 'latin1')]),
    1_000,
  );
  expect(wrong.summary).toMatchObject({ encoding: 'windows-1252', rows: 10_001 });
  expect(wrong.rows.at(-1)).toEqual(['Jürgen', 'bob@example.org']);
});
