/** An uploaded list over HTTP: the name that it may have, its bytes for those who read it, and what is answered about it. */
import type { z } from 'zod';
import { InvalidInput } from '../../domain/invalid-input.js';
import type { ColumnCounts } from '../../domain/list-summary.js';
import type { ByteSource } from '../../lists/byte-source.js';
import type { ListStore, UploadedList } from '../../store/lists.js';
import type { uploadedList } from '../docs/schemas.js';

const MAX_NAME_CHARACTERS = 255;
const UNNAMED = 'list';

/**
 * The name of a file as people may give it: without its folder, and short enough to show.
 * @throws InvalidInput where it has control characters or is too long
 */
export function listNameOf(given: string | undefined): string {
  const refuse = (message: string) => new InvalidInput([{ field: 'name', message }]);
  if (given === undefined) return UNNAMED;
  if (!given.isWellFormed() || /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(given))
    throw refuse('must be well-formed text without control characters');
  const name = given.replace(/^.*[/\\]/su, '').trim();
  if ([...name].length > MAX_NAME_CHARACTERS)
    throw refuse(`must have at most ${MAX_NAME_CHARACTERS} characters`);
  return name === '' || /^\.+$/.test(name) ? UNNAMED : name;
}

export const bytesOf = (
  lists: ListStore,
  { listId, bytes }: Pick<UploadedList, 'listId' | 'bytes'>,
): ByteSource => ({
  size: bytes,
  read: (from) => lists.read(listId, from),
});

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
