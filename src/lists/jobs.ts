/** The jobs that read a list, such as counting its addresses: the same on the main thread and on a thread of their own. */
import type { ColumnCounts, ListLayout, ListSummary } from '../domain/list-summary.js';
import { addressIn } from './address.js';
import type { ByteSource } from './byte-source.js';
import type { ListLimits } from './limits.js';
import { type RowBatch, readRows } from './read-rows.js';
import { countColumn, summarize } from './summarize.js';
import { workbookLayout } from './workbook/layout.js';

/** By job: what it is told, and the items that it makes. */
interface Jobs {
  workbookLayout: { readonly input: null; readonly item: ListLayout };
  summary: { readonly input: ListLayout; readonly item: ListSummary };
  counts: { readonly input: { layout: ListLayout; column: number }; readonly item: ColumnCounts };
  /** An item: the addresses of some rows, cleaned. */
  addresses: { readonly input: { layout: ListLayout; column: number }; readonly item: readonly string[] };
  rows: { readonly input: ListLayout; readonly item: RowBatch };
}

export type JobName = keyof Jobs;
export type JobInput<J extends JobName> = Jobs[J]['input'];
export type Item<J extends JobName> = Jobs[J]['item'];

type Job<J extends JobName> = (
  source: ByteSource,
  limits: ListLimits,
  input: JobInput<J>,
) => AsyncGenerator<Item<J>, void, void>;

const JOBS: { readonly [J in JobName]: Job<J> } = {
  workbookLayout: (source, limits) => once(workbookLayout(source, limits)),
  summary: (source, limits, layout) => once(summarize(source, layout, limits)),
  counts: (source, limits, { layout, column }) => once(countColumn(source, layout, column, limits)),
  addresses: (source, limits, { layout, column }) => addressesOf(source, layout, column, limits),
  rows: (source, limits, layout) => readRows(source, layout, limits),
};

async function* addressesOf(
  source: ByteSource,
  layout: ListLayout,
  column: number,
  limits: ListLimits,
): AsyncGenerator<readonly string[], void, void> {
  for await (const { rows } of readRows(source, layout, limits))
    yield rows.map((row) => addressIn(row[column] ?? '')).filter((address) => address !== '');
}

async function* once<T>(item: Promise<T>): AsyncGenerator<T, void, void> {
  yield await item;
}

export const perform = <J extends JobName>(
  job: J,
  source: ByteSource,
  limits: ListLimits,
  input: JobInput<J>,
): AsyncGenerator<Item<J>, void, void> => JOBS[job](source, limits, input);
