import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type PlacedResult, readResult } from '../../src/domain/result.js';
import { COLUMNS, CSV_HEADER, csvField, csvRow, plainField } from '../../src/http/export/csv.js';
import { encodeRows, encodingOf } from '../../src/http/export/encoding.js';
import { attachment, downloadName } from '../../src/http/export/file-name.js';
import { effort } from '../support/effort.js';
import { readCsv } from './rfc4180.js';

/** What a spreadsheet sees first, once it has dropped what it drops; NFKC makes every width of a sign the same. */
const isFormula = (shown: string): boolean =>
  /^[=+\-@|%]/.test(shown.replace(/^[\s\p{Cc}\p{Cf}]+/u, '').normalize('NFKC'));

/** As spreadsheets read: a quote counts only where a cell begins, and a line break outside of one ends a row. */
function cellsOf(written: string, delimiter: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  let isStart = true;
  for (let at = 0; at < written.length; at++) {
    const char = written[at] ?? '';
    if (isQuoted && char === '"' && written[at + 1] === '"') cell += written[++at];
    else if (char === '"' && (isQuoted || isStart)) isQuoted = !isQuoted;
    else if (isQuoted || ![delimiter, '\r', '\n'].includes(char)) cell += char;
    else {
      cells.push(cell);
      cell = '';
      isStart = true;
      continue;
    }
    isStart = false;
  }
  return [...cells, cell];
}

const start = fc.constantFrom(
  '',
  ' ',
  '\t',
  '\r',
  '\n',
  '\0',
  '\u00a0',
  '\ufeff',
  '\u200b',
  '\u202e',
  "'",
  '"',
  ',',
  ';',
);
const sign = fc.constantFrom(
  '',
  '=',
  '+',
  '-',
  '@',
  '|',
  '%',
  '＝',
  '＋',
  '－',
  '＠',
  '｜',
  '％',
  '﹦',
  '"=',
  'a',
);
const text = fc
  .tuple(fc.array(start, { maxLength: 3 }), sign, fc.string({ unit: 'grapheme', maxLength: 20 }))
  .map(([blanks, first, rest]) => (blanks.join('') + first + rest).toWellFormed());
const anything = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue(),
);

const row = (result: Record<string, unknown>, batchId = 'b') => {
  const read = readResult(result);
  if (typeof read === 'string') throw new Error(read);
  const [cells, ...rest] = readCsv(csvRow({ batchId, position: 3, json: read.json }));
  expect(rest).toEqual([]);
  return Object.fromEntries(COLUMNS.map((name, index) => [name, cells?.[index]]));
};

describe('a row', () => {
  test('reads back, and none of its texts is one that a spreadsheet would run', () => {
    fc.assert(
      fc.property(text, text, anything, anything, text, (email, reason, domain, score, batchId) => {
        const details = {
          sub_status: reason,
          general: { reason, domain },
          mail_server: { mx_record: reason },
        };
        const cells = row({ email, deliverability_score: score, details }, batchId);
        expect(Object.values(cells)).not.toContain(undefined);
        for (const [name, shown] of Object.entries(cells)) {
          if (typeof score === 'number' && name === 'deliverability_score') continue;
          if (typeof domain === 'number' && name === 'domain') continue;
          expect(isFormula(shown ?? '')).toBe(false);
          expect(shown).not.toMatch(/^[\t\r\n]/);
        }
        const expected = email.replaceAll('\0', '␀');
        expect([expected, `'${expected}`]).toContain(cells.email);
      }),
      { numRuns: effort(100, 500) },
    );
  });

  test('has no formula either for a reader that splits it at another character', () => {
    const json = (email: string, reason: string) => ({
      email,
      details: { sub_status: reason, general: { reason }, mail_server: { mx_record: reason } },
    });
    fc.assert(
      fc.property(fc.array(text), fc.array(text), fc.constantFrom(';', '\t'), (emails, parts, delimiter) => {
        const read = readResult(json(emails.join(delimiter).replaceAll('\n', ''), parts.join(delimiter)));
        if (typeof read === 'string') throw new Error(read);
        const written = csvRow({ batchId: 'b', position: 3, json: read.json });
        // The first cell is quoted for this reader, too.
        for (const cell of cellsOf(written, delimiter).slice(1)) expect(isFormula(cell)).toBe(false);
      }),
      { numRuns: effort(100, 500) },
    );
    for (const reason of ["550 x;=cmd|' /C calc'!A0;y", 'x\n=1+1;y', 'x;"=1+1;y', 'x;"" =1+1;y', 'x;＝1;y'])
      expect(
        cellsOf(csvRow({ batchId: 'b', position: 3, json: JSON.stringify(json('a@b', reason)) }), ';').filter(
          isFormula,
        ),
      ).toEqual([]);
  });

  test('guards every character that becomes the sign of a formula in some normalization', () => {
    // Beyond the first plane there are none today.
    const LAST = effort(0xffff, 0x10ffff);
    const open: string[] = [];
    for (let code = 1; code <= LAST; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const character = String.fromCodePoint(code);
      for (const text of [`${character}1`, ` ${character}1`, `${character}\u0338`])
        if (/^[=+\-−@|%]/.test(text.trimStart().normalize('NFKC')) && !/^"?'/.test(csvField(text)))
          open.push(text);
    }
    expect(open).toEqual([]);
    expect(csvField('=\u0338')).toBe("'=\u0338");
  });

  test('has the documented columns', () => {
    expect(CSV_HEADER).toBe(
      'email,status,sub_status,risk_level,deliverability_score,is_valid,reason,domain,free_email,role_account,' +
        'disposable,catch_all,has_plus_tag,mailbox_full,no_reply,smtp_provider,mx_record,batchId,position\r\n',
    );
    const details = {
      general: { domain: 'x.com', reason: 'said "no", twice' },
      attributes: {
        free_email: false,
        role_account: true,
        disposable: false,
        catch_all: false,
        has_plus_tag: true,
        mailbox_full: false,
        no_reply: false,
      },
      mail_server: { smtp_provider: 'Google', mx_record: 'mx.x.com' },
      sub_status: 'Rejected Email',
    };
    const result = { email: 'a@x.com', is_valid: false, status: 'undeliverable', risk_level: 'high' };
    expect(row({ ...result, deliverability_score: -5, details })).toEqual({
      email: 'a@x.com',
      status: 'undeliverable',
      sub_status: 'Rejected Email',
      risk_level: 'high',
      deliverability_score: '-5',
      is_valid: 'false',
      reason: 'said "no", twice',
      domain: 'x.com',
      free_email: 'false',
      role_account: 'true',
      disposable: 'false',
      catch_all: 'false',
      has_plus_tag: 'true',
      mailbox_full: 'false',
      no_reply: 'false',
      smtp_provider: 'Google',
      mx_record: 'mx.x.com',
      batchId: 'b',
      position: '3',
    });
  });

  test('stands for any details at all', () => {
    for (const details of [
      undefined,
      null,
      'text',
      [],
      { general: 'text', attributes: null, mail_server: 7 },
    ]) {
      expect(row({ email: 'a', details })).toMatchObject({
        email: 'a',
        reason: '',
        domain: '',
        mx_record: '',
      });
    }
  });
});

test.each([
  ['=1+1', "'=1+1"],
  ['+49 30 1', "'+49 30 1"],
  ['-5', "'-5"],
  [-5, '-5'],
  ['@SUM(1)', "'@SUM(1)"],
  ["=cmd|' /C calc'!A0", `'=cmd|' /C calc'!A0`],
  ['\t=1', `"'\t=1"`],
  ['a\nb', '"a\nb"'],
  ['\r\n=1', `"'\r\n=1"`],
  ['＝1', "'＝1"],
  ['\ufeff=1', "'\ufeff=1"],
  ['"=1', '"""=1"'],
  ['a-b', 'a-b'],
  ['a\0b', 'a␀b'],
  [null, ''],
  [undefined, ''],
  [true, 'true'],
])('%j becomes %j', (value, shown) => {
  expect(csvField(value)).toBe(shown);
});

test('a cell for programs is what it says, and can be read back', () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(readCsv(`${plainField(given)}\r\n`)).toEqual([[given]]);
    }),
  );
  expect([plainField('=1+1'), plainField(null), plainField(-5)]).toEqual(['=1+1', '', '-5']);
});

test('the name of a download says its filter, and can be no header of its own', () => {
  const filter = {
    status: ['risky', 'unknown'],
    risk: ['high'],
    reason: ['timeout'],
    email: '@x/..\r\nSet-Cookie: a',
  } as const;
  expect(downloadName('Kunden', filter)).toBe('Kunden-risky-unknown-risk-high-timeout-@x_..Set-Cookie: a');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' }), (name, email) => {
      const header = attachment(downloadName(name, { email }), 'csv');
      expect(header).toMatch(/^attachment; filename="[\w.-]+"; filename\*=UTF-8''[\w.%~-]+$/);
      expect(() => decodeURIComponent(header.split("''")[1] ?? '')).not.toThrow();
    }),
  );
});

test.each([
  ['plain-1.2', 'plain-1.2.csv', 'plain-1.2.csv'],
  ['a/b\\c', 'a_b_c.csv', 'a_b_c.csv'],
  ['../../etc', '__.._etc.csv', '__.._etc.csv'],
  ['"; x="', '___x__.csv', '%22%3B%20x%3D%22.csv'],
  ['ünï', '_n_.csv', '%C3%BCn%C3%AF.csv'],
  ['🙂'.repeat(200), `${'__'.repeat(100)}.csv`, `${'%F0%9F%99%82'.repeat(100)}.csv`],
])('a file called %s has a safe name', (fileId, ascii, utf8) => {
  expect(attachment(downloadName(fileId, {}), 'csv')).toBe(
    `attachment; filename="${ascii}"; filename*=UTF-8''${utf8}`,
  );
});

test('rows are written in slices, so that nothing else waits long for its turn', async () => {
  const json = JSON.stringify({ email: 'a@example.com', details: { general: { reason: 'x'.repeat(500) } } });
  const SLICES = effort(4, 20);
  async function* slices() {
    for (let n = 0; n < SLICES; n++)
      yield Array.from({ length: 5000 }, (_, position) => ({ batchId: 'b', position, json }));
  }
  let turns = 0;
  const ticker = () => {
    turns++;
    timer = setImmediate(ticker);
  };
  let timer = setImmediate(ticker);
  let length = 0;
  for await (const chunk of encodeRows(slices(), { head: CSV_HEADER, row: csvRow })) {
    expect(chunk.length).toBeLessThan(128 * 1024);
    length += chunk.length;
  }
  clearImmediate(timer);
  expect(length).toBeGreaterThan(SLICES * 5000 * 500);
  // Others had their turn within each of the slices; on any machine of today that is many times.
  expect(turns).toBeGreaterThan(SLICES);
});

describe('a result of megabytes', () => {
  const SIZE = effort(1e6, 4e6);
  const of = (reason: unknown) => ({
    batchId: 'b',
    position: 0,
    json: JSON.stringify({ email: '=a;=b@example.com', details: { general: { reason } } }),
  });
  const csv = encodingOf({ format: 'csv', bom: false, escape: 'formulas' });
  const plain = encodingOf({ format: 'csv', bom: false, escape: 'none' });
  async function encoded(result: PlacedResult, encoding: typeof csv): Promise<string[]> {
    async function* slices() {
      yield [result];
    }
    const chunks: string[] = [];
    for await (const chunk of encodeRows(slices(), encoding)) chunks.push(chunk);
    return chunks;
  }

  test.each([
    ['quotes', '"'.repeat(SIZE)],
    ['formulas', ';='.repeat(SIZE)],
    ['NUL', '\0'.repeat(SIZE / 4)],
    ['a list of texts', Array.from({ length: SIZE / 8 }, () => 'a"b')],
  ])('of %s is written in pieces', async (_, reason) => {
    for (const encoding of [csv, plain]) {
      const chunks = await encoded(of(reason), encoding);
      for (const chunk of chunks) expect(chunk.length).toBeLessThan(128 * 1024);
    }
  });

  test('comes back whole, and guarded at its start and behind every separator', async () => {
    const reason = `=1;${'\0"'.repeat(50_000)}\tx`;
    const [, plainCells] = readCsv((await encoded(of(reason), plain)).join(''));
    const [, cells] = readCsv((await encoded(of(reason), csv)).join(''));
    expect(plainCells?.[COLUMNS.indexOf('reason')]).toBe(reason);
    expect(cells?.[COLUMNS.indexOf('reason')]).toBe(`'=1;'${'␀"'.repeat(50_000)}\t'x`);
    expect(cells?.[0]).toBe("'=a;=b@example.com");
  });
});
