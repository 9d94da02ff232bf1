/** Workbooks of a few kilobytes that unpack to more than memory or time allows: refused early, or read at a bounded cost. */
import { describe, expect, it } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { sheetRows } from '../../src/lists/workbook/sheet-rows.js';
import { LIMITS, readList } from '../lists/reading.js';
import { textCell, workbook, workbookOf, type ZipPart, zip } from '../support/zip.js';

const MIB = 1024 * 1024;

const part = (name: string, xml: string): ZipPart => ({ name, bytes: Buffer.from(xml) });

const ROW = `<row>${textCell('A1', 'ann@example.com')}</row>`;

/** A workbook whose parts are given one by one. */
const bookOf = ({ sheets = '<sheet r:id="s"/>', targets = '', rows = ROW, more = [] as ZipPart[] }): Buffer =>
  zip([
    part('xl/workbook.xml', `<workbook xmlns:r="x"><sheets>${sheets}</sheets></workbook>`),
    part(
      'xl/_rels/workbook.xml.rels',
      `<Relationships><Relationship Id="s" Type="x/worksheet" Target="s.xml"/>${targets}</Relationships>`,
    ),
    part('xl/s.xml', `<worksheet>${rows}</worksheet>`),
    ...more,
  ]);

const refused = (code: string) => expect.objectContaining({ constructor: Fault, code });

/** The rows of one sheet, and how often the bytes were asked for. */
async function rowsOf(bytes: Buffer, sheet = 'xl/worksheets/sheet0.xml', limits = LIMITS) {
  let readings = 0;
  const source = {
    size: bytes.length,
    async *read(from = 0) {
      readings++;
      yield bytes.subarray(from, from + 64 * 1024);
      yield bytes.subarray(from + 64 * 1024);
    },
  };
  const batches: number[] = [];
  for await (const batch of sheetRows(source, sheet, limits)) batches.push(batch.length);
  return { batches, readings };
}

describe('a workbook', () => {
  it('may not have elements within each other without end', async () => {
    await expect(readList(workbook('<a>'.repeat(MIB)))).rejects.toEqual(refused('unsupported_list'));
  });

  it('may not have an element with attributes without end', async () => {
    for (const [count, length] of [
      [10_000, 0],
      [100, 60_000],
    ] as const) {
      const attributes = Array.from({ length: count }, (_, n) => `a${n}="${'x'.repeat(length)}"`).join(' ');
      const book = workbook(`<c ${attributes}/>${ROW}`);
      await expect(readList(book)).rejects.toEqual(refused('unsupported_list'));
    }
  });

  it('may not have long attributes and names in many elements that are open', async () => {
    for (const [name, start] of [
      ['a', `<a x="${'x'.repeat(1_000)}">`],
      ['x'.repeat(1_000), `<${'x'.repeat(1_000)}>`],
    ] as const) {
      const within = (count: number) => start.repeat(count) + `</${name}>`.repeat(count);
      await expect(readList(workbook(within(200) + ROW))).rejects.toEqual(refused('unsupported_list'));
      expect((await readList(workbook(within(50).repeat(10) + ROW))).addresses).toEqual(['ann@example.com']);
    }
  });

  it.each([
    ['an attribute', '<row x="', '"/>'],
    ['the name of an attribute', '<row ', '="1"/>'],
    ['the name of an element', '<', '/>'],
    ['a comment', '<!--', '-->'],
    ['an instruction', '<?x ', '?>'],
    ['the name of an instruction', '<?', '?>'],
    ['an entity', '&', ';'],
  ])('may not have %s without end', async (_, start, end) => {
    const long = (length: number) => workbook(`${start}${'x'.repeat(length)}${end}${ROW}`);
    await expect(readList(long(4 * MIB))).rejects.toEqual(refused('unsupported_list'));
    await expect(readList(workbook(ROW))).resolves.toMatchObject({ addresses: ['ann@example.com'] });
  });

  it('has long texts in pieces, which no more than a cell of are kept', async () => {
    const text = 'x'.repeat(4 * MIB);
    for (const cell of [text, `<![CDATA[${text}]]>`])
      await expect(
        readList(workbook(`<row><c t="str"><v>${cell}</v></c></row>${ROW}`)),
      ).rejects.toMatchObject({
        errors: [{ message: expect.stringContaining('MAX_LIST_CELL') }],
      });
    for (const between of [text, `<![CDATA[${text}]]>`])
      expect((await readList(workbook(between + ROW))).addresses).toEqual(['ann@example.com']);
  });

  it.each([
    ['extra fields', { extra: Buffer.alloc(60_000, Buffer.from([9, 9, 0, 0])) }],
    ['comments', { comment: Buffer.alloc(60_000, 'x') }],
    ['names', { name: 'x'.repeat(60_000) }],
  ])('may not have a table of contents with %s without end', async (_, long) => {
    const book = (count: number) =>
      bookOf({ more: Array.from({ length: count }, (_, n) => ({ ...part(`${n}`, ''), ...long })) });
    await expect(readList(book(100))).rejects.toEqual(refused('unsupported_list'));
    await expect(readList(book(2))).resolves.toMatchObject({ addresses: ['ann@example.com'] });
  });

  it.each(['Id', 'Type', 'Target'])('may not refer to parts by texts without end: %s', async (name) => {
    const targets = Array.from({ length: 100 }, (_, n) => {
      const texts = { Id: `i${n}`, Type: 't', Target: 'x' };
      const all = Object.entries({ ...texts, [name]: `${n}${'x'.repeat(60_000)}` });
      return `<Relationship ${all.map(([key, value]) => `${key}="${value}"`).join(' ')}/>`;
    });
    await expect(readList(bookOf({ targets: targets.join('') }))).rejects.toEqual(
      refused('unsupported_list'),
    );
    await expect(readList(bookOf({ targets: targets[0] as string }))).resolves.toMatchObject({
      addresses: ['ann@example.com'],
    });
  });

  it('may not have more formats than are kept', async () => {
    const more = [part('xl/st.xml', `<s><cellXfs>${'<xf/>'.repeat(1_100_000)}</cellXfs></s>`)];
    const book = bookOf({ targets: '<Relationship Id="t" Type="x/styles" Target="st.xml"/>', more });
    await expect(readList(book)).rejects.toEqual(refused('unsupported_list'));
  });

  it('that names a sheet again and again has it once', async () => {
    const rows = '<row><c><v>1</v></c></row>'.repeat(2_000);
    const book = bookOf({ sheets: '<sheet r:id="s"/>'.repeat(100_000), rows });
    await expect(readList(book)).rejects.toEqual(refused('no_addresses'));
  });

  it('with thousands of parts is read in a few pieces', async () => {
    const parts = Array.from({ length: 9_000 }, (_, n) => part(`p${n}`, ''));
    const { readings } = await rowsOf(bookOf({ more: parts }), 'xl/s.xml');
    expect(readings).toBeLessThan(50);
  });

  it('shows no more text than it may unpack to', async () => {
    const shared = `<si><t>${'x'.repeat(60_000)}</t></si>`;
    const rows = '<row><c t="s"><v>0</v></c></row>'.repeat(2_000);
    const book = workbookOf({ sheets: [rows], shared });
    for (const limit of [{ MAX_UNPACKED_BYTES: 10 * MIB }, { MAX_UNPACKED_RATIO: 2 }])
      await expect(rowsOf(book, undefined, { ...LIMITS, ...limit })).rejects.toEqual(
        refused('payload_too_large'),
      );
    const { batches } = await rowsOf(book, undefined, { ...LIMITS, MAX_UNPACKED_RATIO: 1_000_000 });
    // Each batch is in memory as a whole: 60 MB in a piece that was unpacked at once would be too much.
    expect(Math.max(...batches)).toBeLessThan(200);
  });

  it('counts the cells that its rows leave out', async () => {
    const book = workbook('<row><c r="ALK1"><v>1</v></c></row>'.repeat(20_000));
    expect(book.length).toBeLessThan(8 * 1024);
    await expect(rowsOf(book)).rejects.toMatchObject({
      code: 'payload_too_large',
      errors: [{ field: 'body', message: expect.stringContaining('MAX_UNPACKED_RATIO') }],
    });
    // A few columns that are left empty are nothing.
    const sparse = workbook('<row><c r="T1"><v>1</v></c></row>'.repeat(20_000));
    expect((await rowsOf(sparse)).batches.reduce((sum, rows) => sum + rows)).toBe(20_000);
  });

  it('gives few long cells in one go', async () => {
    const shared = `<si><t>${'x'.repeat(60_000)}</t></si>`;
    const rows = '<row><c t="s"><v>0</v></c></row>'.repeat(120);
    const { batches } = await rowsOf(workbookOf({ sheets: [rows], shared }));
    expect(Math.max(...batches) * 60_000).toBeLessThan(1.5 * MIB);
  });

  it('of a few bytes is no minutes of work, whichever part unpacks to much', async () => {
    const rows = Buffer.alloc(32 * MIB, `<row>${textCell('A1', 'ann@example.com')}</row>`);
    const shared = `<si><t>${'x'.repeat(32 * MIB)}</t></si>`;
    const empty = [...Array(9).keys()].map((n) => ({ name: `p${n}`, bytes: Buffer.alloc(4 * MIB) }));
    for (const book of [workbook(rows), workbookOf({ sheets: [''], shared }), bookOf({ more: empty })]) {
      await expect(readList(book)).rejects.toMatchObject({
        code: 'payload_too_large',
        errors: [{ field: 'body', message: expect.stringContaining('MAX_UNPACKED_RATIO') }],
      });
    }
    // What people have packs to a tenth or a thirtieth, and is read.
    const real = Array.from(
      { length: 20_000 },
      (_, n) => `<row r="${n}" spans="1:3">${textCell(`A${n}`, `ann${n * 7919}@example.com`)}</row>`,
    );
    const limits = { ...LIMITS, MAX_UNPACKED_RATIO: 40 };
    expect((await rowsOf(workbook(real.join('')), undefined, limits)).batches.length).toBeGreaterThan(1);
  });

  it('is not read for minutes because of what its patterns would look for', async () => {
    const brackets = `<numFmt numFmtId="200" formatCode="${'['.repeat(60_000)}"/>`.repeat(50);
    const styles = `<s>${brackets}<cellXfs>${'<xf numFmtId="200"/>'.repeat(2_000)}</cellXfs></s>`;
    const digits = `<row><c r="${'1'.repeat(60_000)}&#10;"><v>1</v></c></row>`;
    const book = bookOf({
      targets: '<Relationship Id="t" Type="x/styles" Target="st.xml"/>',
      more: [part('xl/st.xml', styles)],
      rows: `<row>${textCell('A1', 'ann@example.com')}</row>${digits.repeat(20)}`,
    });
    expect(book.length).toBeLessThan(64 * 1024);
    const before = process.cpuUsage();
    expect((await readList(book)).addresses).toEqual(['ann@example.com']);
    const { user } = process.cpuUsage(before);
    expect(user / 1e6).toBeLessThan(10);
  });

  it('has no row longer than a row may be', async () => {
    const shared = `<si><t>${'x'.repeat(60_000)}</t></si>`;
    const row = `<row>${'<c t="s"><v>0</v></c>'.repeat(100)}</row>`;
    await expect(rowsOf(workbookOf({ sheets: [row], shared }))).rejects.toMatchObject({
      errors: [{ field: 'rows[0]', message: expect.stringContaining('MAX_LIST_ROW') }],
    });
  });
});
