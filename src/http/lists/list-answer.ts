/** What is answered about a list. */
import type {
  ColumnCounts,
  Delimiter,
  ListColumn,
  ListEncoding,
  ListFormat,
} from '../../domain/list-summary.js';
import type { UploadedList } from '../../store/lists.js';

export interface ListAnswer extends Record<keyof ColumnCounts, number | null> {
  readonly listId: string;
  readonly name: string;
  readonly format: ListFormat;
  readonly encoding: ListEncoding;
  readonly delimiter: Delimiter | null;
  readonly header: boolean;
  readonly columns: ListColumn[];
  readonly emailColumn: number | null;
  readonly rows: number;
  readonly sample: string[][];
  /** Null: it is attached to a file, and ends with that. */
  readonly expiresAt: string | null;
}

/** `counts`: of the column that was asked for. */
export function listAnswer(
  { listId, name, summary, expiresAt }: Pick<UploadedList, 'listId' | 'name' | 'summary' | 'expiresAt'>,
  counts: ColumnCounts | null = summary.counts,
): ListAnswer {
  const { format, encoding, delimiter, header, columns, emailColumn, rows, sample } = summary;
  const { unique, repeats, withoutAt } = counts ?? { unique: null, repeats: null, withoutAt: null };
  return {
    listId,
    name,
    format,
    encoding,
    delimiter,
    header,
    columns: [...columns],
    emailColumn,
    rows,
    unique,
    repeats,
    withoutAt,
    sample: sample.map((row) => [...row]),
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}
