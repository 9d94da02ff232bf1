/** Finds the sheet of a workbook that has addresses, and whether its first row is a header. */
import { setImmediate } from 'node:timers/promises';
import type { ListLayout } from '../../domain/list-summary.js';
import { hasAddress } from '../address.js';
import type { ByteSource } from '../byte-source.js';
import { hasHeader } from '../header.js';
import { charactersOf, type ListLimits, noAddresses } from '../limits.js';
import { openWorkbook } from './sheet-rows.js';

/** Rows of a sheet that its header is told by. */
const ROWS_FOR_HEADER = 500;
/** Or fewer, where they are long. */
const CHARACTERS_FOR_HEADER = 1024 * 1024;

/** The layout of the first sheet that has addresses. @throws Fault `no_addresses`, `unsupported_list` */
export async function workbookLayout(source: ByteSource, limits: ListLimits): Promise<ListLayout> {
  const workbook = await openWorkbook(source, limits);
  for (const sheet of workbook.sheets) {
    const first = await firstRowsWithAddress(workbook.rows(sheet));
    if (first !== null) {
      const { sharedBytes } = workbook;
      const common = { format: 'xlsx', encoding: 'utf-8', delimiter: null } as const;
      return { ...common, header: hasHeader(first), sheet, sharedBytes };
    }
  }
  throw noAddresses();
}

/** Null: the rows have no address. */
async function firstRowsWithAddress(batches: AsyncIterable<string[][]>): Promise<string[][] | null> {
  const first: string[][] = [];
  let characters = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      if (first.length >= ROWS_FOR_HEADER || characters >= CHARACTERS_FOR_HEADER) break;
      first.push(row);
      characters += charactersOf(row);
    }
    if (batch.some((row) => row.some(hasAddress))) return first;
    await setImmediate();
  }
  return null;
}
