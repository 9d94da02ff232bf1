/** The bounds of a list, and the errors that name them. Rows and columns count from 1 in messages, from 0 in fields. */
import { InvalidInput } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';

export const LIST_LIMITS = [
  'MAX_LIST_BYTES',
  'MAX_LIST_ROWS',
  'MAX_LIST_COLUMNS',
  /** Characters of one cell. */
  'MAX_LIST_CELL',
  /** Characters of one row with all its cells. */
  'MAX_LIST_ROW',
  /** What a workbook may unpack to. */
  'MAX_UNPACKED_BYTES',
  /** And how many times its own size, beyond `ALWAYS_UNPACKED_BYTES`: a few bytes sent must not be minutes of work. */
  'MAX_UNPACKED_RATIO',
  /** Of the texts that the cells of a workbook share, which are in memory while it is read. */
  'MAX_SHARED_BYTES',
] as const;

export type ListLimits = { readonly [name in (typeof LIST_LIMITS)[number]]: number };

/** Any workbook may unpack to this much: it is read in a moment. */
const ALWAYS_UNPACKED_BYTES = 8 * 1024 * 1024;

/** @throws Fault `payload_too_large` where a workbook of this size may not unpack to, or show, so much */
export function checkUnpacked(size: number, unpacked: number, limits: ListLimits, what: string): void {
  const { MAX_UNPACKED_BYTES, MAX_UNPACKED_RATIO } = limits;
  if (unpacked > MAX_UNPACKED_BYTES) throw tooLarge('MAX_UNPACKED_BYTES', MAX_UNPACKED_BYTES, what);
  if (unpacked > Math.max(ALWAYS_UNPACKED_BYTES, MAX_UNPACKED_RATIO * size))
    throw tooLarge('MAX_UNPACKED_RATIO', MAX_UNPACKED_RATIO, `${what}, far more than its own ${size}`);
}

/** A list larger than one of its limits is refused as a whole. */
export const tooLarge = (limit: keyof ListLimits, value: number, what: string): Fault => {
  const message = `${what}; ${limit} allows ${value}`;
  return new Fault('payload_too_large', message, { errors: [{ field: 'body', message }] });
};

export const noAddresses = (): Fault =>
  new Fault('no_addresses', 'nothing in this list looks like an address', {
    errors: [{ field: 'body', message: 'must have at least one address' }],
  });

/** `row` counts the rows of the list from 0, the header among them. */
export const rowTooLong = (row: number, { MAX_LIST_ROW }: ListLimits): InvalidInput =>
  new InvalidInput([
    {
      field: `rows[${row}]`,
      message: `row ${row + 1} is too long; MAX_LIST_ROW allows ${MAX_LIST_ROW} characters`,
    },
  ]);

export const quoteNotClosed = (row: number): InvalidInput =>
  new InvalidInput([
    { field: `rows[${row}]`, message: `a cell of row ${row + 1} begins with a quote that is never closed` },
  ]);

export const charactersOf = (row: readonly string[]): number =>
  row.reduce((sum, { length }) => sum + length, 0);

/** @throws InvalidInput naming the row and the cell */
export function checkRow(cells: readonly string[], row: number, limits: ListLimits): void {
  checkColumns(cells.length, row, limits);
  for (const [column, { length }] of cells.entries())
    if (length > limits.MAX_LIST_CELL) throw cellTooLong(row, column, limits);
}

/** @throws InvalidInput naming the row */
export function checkColumns(cells: number, row: number, { MAX_LIST_COLUMNS }: ListLimits): void {
  if (cells <= MAX_LIST_COLUMNS) return;
  const message = `row ${row + 1} has ${cells} cells or more; MAX_LIST_COLUMNS allows ${MAX_LIST_COLUMNS}`;
  throw new InvalidInput([{ field: `rows[${row}]`, message }]);
}

export function cellTooLong(row: number, column: number, { MAX_LIST_CELL }: ListLimits): InvalidInput {
  const message = `row ${row + 1}, column ${column + 1} is too long; MAX_LIST_CELL allows ${MAX_LIST_CELL} characters`;
  return new InvalidInput([{ field: `rows[${row}][${column}]`, message }]);
}
