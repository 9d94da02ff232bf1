/** What is known of an uploaded list: how it is to be read, and what is in it. */

export const LIST_FORMATS = ['csv', 'text', 'xlsx'] as const;
export const LIST_ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'] as const;
export type ListEncoding = (typeof LIST_ENCODINGS)[number];
export const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** How the bytes of a list become rows. The same layout gives the same rows each time. */
export interface ListLayout {
  /** `text`: addresses one after the other; each is a row of one cell. */
  readonly format: (typeof LIST_FORMATS)[number];
  readonly encoding: ListEncoding;
  /** Null: one column, or a format that has none. */
  readonly delimiter: Delimiter | null;
  /** The first row names the columns. */
  readonly header: boolean;
  /** The part of the workbook that the rows are in; null: no workbook. */
  readonly sheet: string | null;
  /** Bytes that the texts which the cells of a workbook share take in memory while it is read. Left out: no workbook, or not known. */
  readonly sharedBytes?: number;
}

export interface ListColumn {
  /** Counts from 0. */
  readonly index: number;
  /** Null: the list has no header. */
  readonly name: string | null;
  /** Cells that look like an address, repeats among them. */
  readonly addresses: number;
}

/** What is sent if a column is the one with the addresses. Empty cells are not sent and not counted here. */
export interface ColumnCounts {
  /** Different texts, whatever their case. */
  readonly unique: number;
  /** Cells that repeat an earlier one. */
  readonly repeats: number;
  /** Cells without an @, repeats among them. They can be no address, and are sent: that is a verdict, too. */
  readonly withoutAt: number;
}

export interface ListSummary extends ListLayout {
  readonly columns: readonly ListColumn[];
  /** Null: two columns or more may be meant. */
  readonly emailColumn: number | null;
  /** Without the header and without empty rows. */
  readonly rows: number;
  /** Of the email column; null: it is not known which one is meant. */
  readonly counts: ColumnCounts | null;
  /** The first rows, the header among them, with long cells cut. */
  readonly sample: readonly (readonly string[])[];
}
