/** Lists that are small as files and large in every other way: a bounded part of them is in memory at once, or holds the loop. */
import { describe, expect, it } from '@jest/globals';
import type { FileId } from '../../src/domain/id.js';
import type { PlacedResult } from '../../src/domain/result.js';
import { encodeRows, encodingOf } from '../../src/http/export/encoding.js';
import { originalRows } from '../../src/http/export/original.js';
import { AddressSet } from '../../src/lists/address-set.js';
import { csvRows } from '../../src/lists/csv-rows.js';
import { ListReader } from '../../src/lists/list-reader.js';
import { countByScan } from '../../src/snapshot/count-by-scan.js';
import type { Store } from '../../src/store/store.js';
import type { SubmissionStore } from '../../src/store/submissions.js';
import { prepareSlices } from '../../src/submission/prepare.js';
import { LIMITS, readList } from '../lists/reading.js';
import { workbookOf } from '../support/zip.js';

const MIB = 1024 * 1024;
const longText = (n: number): string => `${n}@${'x'.repeat(60_000)}`;

it('a list of long cells is submitted in slices of a bounded length, in order', async () => {
  const slices: string[] = [];
  const addSlice = async (_id: string, _owner: string, { addresses }: { addresses: string }) => {
    slices.push(addresses);
    return true;
  };
  async function* addresses() {
    for (let n = 0; n < 100; n += 20) yield Array.from({ length: 20 }, (_, at) => longText(n + at));
  }
  const preparation = { id: 's', owner: 'o', addresses: addresses(), dedupKey: (text: string) => text };
  const store = { addSlice } as unknown as SubmissionStore;
  expect(await prepareSlices(store, { ...preparation, keepsRepeats: true, sliceSize: 10_000 })).toEqual({
    total: 100,
    repeats: 0,
  });
  expect(Math.max(...slices.map(({ length }) => length))).toBeLessThan(1.2 * MIB);
  const sent = slices.flatMap((slice) => JSON.parse(slice) as string[]);
  expect(sent.map((text) => Number.parseInt(text, 10))).toEqual(Array.from({ length: 100 }, (_, n) => n));
});

it('a set of long texts takes no more memory than one of short texts', () => {
  const before = process.memoryUsage().arrayBuffers;
  const set = new AddressSet();
  for (let n = 0; n < 1_000; n++) expect(set.add(longText(n))).toBe(true);
  expect([set.size, set.add(longText(7)), set.find(longText(8)), set.find('8')]).toEqual([
    1_000,
    false,
    8,
    null,
  ]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB);
});

it.each([
  ['long', `<si><t>${longText(0)}</t></si>`.repeat(40)],
  ['many', '<si/>'.repeat(200_000)],
])('the texts that the cells of a workbook share are not too %s for memory', async (_, shared) => {
  const book = workbookOf({ sheets: ['<row><c t="s"><v>0</v></c></row>'], shared });
  await expect(readList(book, undefined, { ...LIMITS, MAX_SHARED_BYTES: 2 * MIB })).rejects.toMatchObject({
    code: 'payload_too_large',
    errors: [{ field: 'body', message: expect.stringContaining('MAX_SHARED_BYTES') }],
  });
});

it('a row of empty cells is read no further than its columns may be', async () => {
  let read = 0;
  async function* text() {
    yield 'ann@example.com,x\n';
    for (; read < 64; read++) yield ','.repeat(16 * 1024);
  }
  const rows: string[][] = [];
  const all = async () => {
    for await (const some of csvRows(text(), ',', LIMITS)) rows.push(...some);
  };
  await expect(all()).rejects.toMatchObject({
    errors: [{ field: 'rows[1]', message: expect.stringContaining('MAX_LIST_COLUMNS') }],
  });
  expect([rows, read]).toEqual([[['ann@example.com', 'x']], 0]);
});

it.each(['csv', 'xlsx'] as const)('an export of wide rows as %s leaves turns to others', async (format) => {
  async function* none() {}
  async function* rows() {
    yield { header: null, rows: Array.from({ length: 4_000 }, () => ['ann@example.com']) };
  }
  const list = { rows: rows(), columns: 1_000, column: 0, delimiter: ',' };
  const turns = await turnsDuring(originalRows(none(), list, { format, bom: false, rows: 'all' }));
  expect(turns).toBeGreaterThan(4);
});

describe('results of thousands of values, of which few are shown', () => {
  const json = `{"email":"a@b.example","status":"risky","details":{"z":[${Array(4_900).fill('{}')}]}}`;
  const result = { batchId: 'b', position: 0, json } as PlacedResult;
  async function* slices() {
    yield Array.from({ length: 300 }, () => result);
  }
  async function* none() {}

  it('leave turns to others while they are exported', async () => {
    const encoding = encodingOf({ format: 'csv', bom: false, escape: 'formulas' });
    expect(await turnsDuring(encodeRows(slices(), encoding))).toBeGreaterThan(4);
  });

  it('leave turns to others before the rows of a list', async () => {
    const list = { rows: none(), columns: 1, column: 0, delimiter: ',' };
    const options = { format: 'csv', bom: false, rows: 'all' } as const;
    expect(await turnsDuring(originalRows(slices(), list, options))).toBeGreaterThan(4);
  });

  it('leave turns to others while their domains are counted', async () => {
    const store = {
      changes: { since: async () => ({ facts: { generation: 'g' }, changes: 1 }) },
      results: { scan: slices },
      breakdowns: { keep: async () => undefined },
    } as unknown as Store;
    async function* counting() {
      yield await countByScan(store, 'f' as FileId, new AbortController().signal);
    }
    expect(await turnsDuring(counting())).toBeGreaterThan(4);
  });
});

/** Turns of the event loop that others had meanwhile. */
async function turnsDuring(work: AsyncIterable<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const nextTurn = () => {
    turns++;
    if (!isOver) setImmediate(nextTurn);
  };
  setImmediate(nextTurn);
  for await (const _ of work);
  isOver = true;
  return turns;
}

describe('lists that are read at once', () => {
  const layout = {
    format: 'csv',
    encoding: 'utf-8',
    delimiter: ',',
    header: false,
    sheet: null,
  } as const;
  const rows = Buffer.from('ann@example.com,bea@example.com\n'.repeat(2_000));
  let open = 0;
  let most = 0;
  const source = {
    size: rows.length,
    async *read() {
      most = Math.max(most, ++open);
      for (let at = 0; at < rows.length; at += 4_096) yield rows.subarray(at, at + 4_096);
      open--;
    },
  };

  it('are one of each caller, and as many of all as there are threads', async () => {
    const reader = new ListReader({ ...LIMITS, MAX_LIST_THREADS: 2 });
    const read = (caller: string) => reader.counts(caller, source, layout, 1);
    const expected = { unique: 1, repeats: 1_999, withoutAt: 0 };
    expect(await Promise.all(Array.from({ length: 8 }, () => read('ann')))).toEqual(Array(8).fill(expected));
    expect(most).toBe(1);
    await Promise.all(['ann', 'ann', 'bea', 'cid', 'dan'].map(read));
    expect(most).toBe(2);
    // One that is given up passes its place on, and exports wait for none.
    const addresses = reader.addresses('ann', source, layout, 0);
    await addresses.next();
    const exported = reader.rows(source, layout);
    expect((await exported.next()).done).toBe(false);
    const next = read('ann');
    await addresses.return(undefined);
    expect(await next).toEqual(expected);
    await exported.return(undefined);
  });

  it('take turns of the event loop, each a few rows', async () => {
    const reader = new ListReader({ ...LIMITS, MAX_LIST_THREADS: 2 });
    let inThisTurn = 0;
    let mostInOne = 0;
    const all = Array.from({ length: 10 }, async () => {
      for await (const _ of reader.rows(source, layout)) mostInOne = Math.max(mostInOne, ++inThisTurn);
    });
    let isOver = false;
    const nextTurn = () => {
      inThisTurn = 0;
      if (!isOver) setImmediate(nextTurn);
    };
    // The first rows of each come at once.
    setImmediate(() => {
      mostInOne = 0;
      nextTurn();
    });
    await Promise.all(all);
    isOver = true;
    expect(mostInOne).toBeLessThan(5);
  });
});
