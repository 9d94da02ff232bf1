/** Reads the addresses of one column of a list, row by row. */
import type { ListLayout } from '../domain/list-summary.js';
import { addressIn } from './address.js';
import type { ByteSource } from './byte-source.js';
import type { ListLimits } from './limits.js';
import { readRows } from './read-rows.js';

/** Of some rows: the cleaned address of each; null where the cell is empty. */
export type RowAddresses = readonly (string | null)[];

/** For each row, in the order of `readRows`, its cleaned address; null where the cell is empty. */
export async function* addressesOf(
  source: ByteSource,
  layout: ListLayout,
  column: number,
  limits: ListLimits,
): AsyncGenerator<RowAddresses, void, void> {
  for await (const { rows } of readRows(source, layout, limits))
    yield rows.map((row) => addressIn(row[column] ?? '') || null);
}
