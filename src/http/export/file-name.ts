/** Names the file of a download: after the list or the file that it is of, and the filter. */
import type { ResultFilter } from '../../store/store.js';

const MAX_NAME_CHARACTERS = 100;
const MAX_FILTER_CHARACTERS = 80;
/** Extensions of lists that people upload: the download has its own. */
const EXTENSION = /\.(csv|tsv|txt|xlsx|xls)$/i;
/** Control characters, and invisible ones that turn the rest of the name around. */
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;

/** `of`: the name of the list, or the id of the file. */
export function downloadName(of: string, { status, risk, reason, email }: ResultFilter): string {
  const filter = [
    ...(status ?? []),
    ...(risk ?? []).map((level) => `risk-${level}`),
    ...(reason ?? []),
    ...(email === undefined ? [] : [email]),
  ].join('-');
  const name = cut(cleaned(of), MAX_NAME_CHARACTERS);
  return filter === '' ? name : `${name}-${cut(cleaned(filter), MAX_FILTER_CHARACTERS)}`;
}

export const listNameWithoutExtension = (name: string): string => name.replace(EXTENSION, '') || name;

/** No path separator and no leading dot, whatever the text. */
const cleaned = (text: string): string =>
  text.toWellFormed().replace(INVISIBLE, '').replace(/[/\\]/g, '_').replace(/^\.+/, '_') || '_';

const cut = (text: string, characters: number): string => [...text].slice(0, characters).join('');

/**
 * The `Content-Disposition` of a download (RFC 6266): an ASCII name for old clients, and the full one by RFC 8187. Both
 * consist of characters that cannot end them, so no name adds a parameter or a header.
 */
export function attachment(name: string, extension: string): string {
  const ascii = name.replace(/[^\w.-]/g, '_');
  return `attachment; filename="${ascii}.${extension}"; filename*=UTF-8''${percentEncoded(`${name}.${extension}`)}`;
}

const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/['()*!]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
