/** What is answered about a list. */
import type { z } from 'zod';
import type { ColumnCounts } from '../../domain/list-summary.js';
import type { UploadedList } from '../../store/lists.js';
import type { uploadedList } from '../docs/schemas.js';

type ListAnswer = z.infer<typeof uploadedList>;

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
