/** A list that a thread reads is the same list, in its rows and in its errors, and leaves nothing behind. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { ListLayout } from '../../src/domain/list-summary.js';
import type { ByteSource } from '../../src/lists/byte-source.js';
import { ListReader } from '../../src/lists/list-reader.js';
import { LIMITS } from './reading.js';

const CALLER = 'sub jane';
const LAYOUT: ListLayout = {
  format: 'csv',
  encoding: 'utf-8',
  delimiter: ';',
  header: true,
  sheet: null,
};
const CSV = `mail;name\r\n${Array.from({ length: 5_000 }, (_, n) => `u${n}@x.com;"a ""${n}"""\r\n`).join('')}`;

/** `threads`: 0 reads on this thread. */
const readerWith = (threads: number, limits = {}) =>
  new ListReader({ ...LIMITS, ...limits, MAX_LIST_THREADS: threads }, 0);

interface WatchedSource extends ByteSource {
  /** Readings that were begun and have not ended. */
  open: number;
  /** Pieces that were asked for. */
  pieces: number;
}

function sourceOf(bytes: Buffer, failsAfter = Number.POSITIVE_INFINITY): WatchedSource {
  const source: WatchedSource = {
    size: bytes.length,
    open: 0,
    pieces: 0,
    async *read(from = 0) {
      source.open++;
      try {
        for (let at = from; at < bytes.length; at += 4_096) {
          if (++source.pieces > failsAfter) throw FAILURE;
          yield Uint8Array.from(bytes.subarray(at, at + 4_096));
        }
      } finally {
        source.open--;
      }
    },
  };
  return source;
}
const FAILURE = new Error('the disk is gone');

async function everything(reader: ListReader, bytes: Buffer, layout: ListLayout) {
  const source = sourceOf(bytes);
  const addresses: unknown[] = [];
  for await (const some of reader.addresses(CALLER, source, layout, 0)) addresses.push(...some);
  const rows: unknown[] = [];
  for await (const batch of reader.rows(source, layout)) rows.push(batch.header, ...batch.rows);
  const summary = await reader.summary(CALLER, source, layout);
  const counts = await reader.counts(CALLER, source, layout, 1);
  expect(source.open).toBe(0);
  return { addresses, rows, summary, counts };
}

describe('a thread', () => {
  it('reads what this thread would read', async () => {
    const bytes = Buffer.from(CSV);
    const here = await everything(readerWith(0), bytes, LAYOUT);
    expect(here.summary).toMatchObject({ rows: 5_000, emailColumn: 0 });
    expect(await everything(readerWith(1), bytes, LAYOUT)).toEqual(here);

    const workbook = readFileSync(
      new URL('../../../tests/fixtures/lists/workbook-shared-texts.xlsx', import.meta.url),
    );
    const layout = await readerWith(1).workbookLayout(CALLER, sourceOf(workbook));
    expect(layout).toEqual(await readerWith(0).workbookLayout(CALLER, sourceOf(workbook)));
    expect(await everything(readerWith(1), workbook, layout)).toEqual(
      await everything(readerWith(0), workbook, layout),
    );
  });

  it.each([
    ['a row over a limit', 'mail;name\na@x.com;b;c;d\n', { MAX_LIST_COLUMNS: 3 }],
    ['a quote that is never closed', 'mail;name\n"a@x.com;b\n', {}],
    ['too many rows', CSV, { MAX_LIST_ROWS: 4_999 }],
    ['nothing that looks like an address', 'mail;name\na;b\n', {}],
  ])('refuses %s as this thread would', async (_, text, limits) => {
    const refusals = await Promise.all(
      [0, 1].map((threads) =>
        readerWith(threads, limits)
          .summary(CALLER, sourceOf(Buffer.from(text)), LAYOUT)
          .catch((error: unknown) => error),
      ),
    );
    const [here, there] = refusals as Error[];
    expect(here).toBeInstanceOf(Error);
    expect(there).toEqual(here);
    expect(there?.constructor).toBe(here?.constructor);
    expect({ ...there, stack: '' }).toEqual({ ...here, stack: '' });
  });

  it('passes on why the bytes cannot be read', async () => {
    const source = sourceOf(Buffer.from(CSV), 3);
    await expect(readerWith(1).summary(CALLER, source, LAYOUT)).rejects.toBe(FAILURE);
    expect(source.open).toBe(0);
  });

  it('reads no further than its caller, and ends with it', async () => {
    const source = sourceOf(Buffer.from(CSV.repeat(20)));
    const reader = readerWith(1);
    for await (const _ of reader.rows(source, LAYOUT)) break;
    expect(source.open).toBe(0);
    expect(source.pieces).toBeLessThan(50);
    // Its place is free again, and one more is read here meanwhile.
    const rows = reader.rows(sourceOf(Buffer.from(CSV)), LAYOUT);
    expect((await rows.next()).value).toMatchObject({ header: ['mail', 'name'] });
    expect(await reader.summary(CALLER, sourceOf(Buffer.from(CSV)), LAYOUT)).toMatchObject({ rows: 5_000 });
    await rows.return(undefined);
  });
});
