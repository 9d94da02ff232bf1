/** Reads lists in tests, as an upload and a submission do. */
import type { ListSummary } from '../../src/domain/list-summary.js';
import { addressIn } from '../../src/lists/address.js';
import type { ByteSource } from '../../src/lists/byte-source.js';
import { ListInspector } from '../../src/lists/inspector.js';
import type { ListLimits } from '../../src/lists/limits.js';
import { type Row, readRows } from '../../src/lists/read-rows.js';
import { summarize } from '../../src/lists/summarize.js';
import { workbookLayout } from '../../src/lists/workbook/layout.js';

export const LIMITS: ListLimits = {
  MAX_LIST_BYTES: 2 ** 26,
  MAX_LIST_ROWS: 1_000_000,
  MAX_LIST_COLUMNS: 1_000,
  MAX_LIST_CELL: 2 ** 16,
  MAX_LIST_ROW: 2 ** 20,
  MAX_UNPACKED_BYTES: 2 ** 28,
  MAX_UNPACKED_RATIO: 100,
  MAX_SHARED_BYTES: 2 ** 27,
};

export interface ReadList {
  readonly summary: ListSummary;
  readonly header: Row | null;
  readonly rows: readonly Row[];
  readonly addresses: readonly string[];
}

/** `pieceBytes`: how the bytes arrive. */
export async function readList(
  bytes: Buffer,
  pieceBytes = 65_536,
  limits: ListLimits = LIMITS,
): Promise<ReadList> {
  const source: ByteSource = {
    size: bytes.length,
    async *read(from = 0) {
      for (let at = from; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
    },
  };
  const inspector = new ListInspector();
  for (let at = 0; at < bytes.length; at += pieceBytes) inspector.add(bytes.subarray(at, at + pieceBytes));
  const layout = await inspector.layout(() => workbookLayout(source, limits));
  const summary = await summarize(source, layout, limits);
  let header: Row | null = null;
  const rows: Row[] = [];
  for await (const batch of readRows(source, summary, limits)) {
    header ??= batch.header;
    rows.push(...batch.rows);
  }
  const addresses = rows.map((row) => addressIn(row[summary.emailColumn ?? -1] ?? '')).filter(Boolean);
  return { summary, header, rows, addresses };
}
