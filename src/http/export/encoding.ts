/** Turns results into the text of an export, and names the downloaded file. */
import { setImmediate } from 'node:timers/promises';
import type { FileId } from '../../domain/id.js';
import { type PlacedResult, placedJson } from '../../domain/result.js';
import { CSV_HEADER, csvRow } from './csv.js';

interface Encoding {
  /** The text before the first row. */
  readonly head: string;
  readonly row: (result: PlacedResult) => string;
}

export const FORMATS: Record<'csv' | 'ndjson', Encoding & { readonly contentType: string }> = {
  csv: { contentType: 'text/csv; charset=utf-8; header=present', head: CSV_HEADER, row: csvRow },
  ndjson: {
    contentType: 'application/x-ndjson; charset=utf-8',
    head: '',
    row: (result) => `${placedJson(result)}\n`,
  },
};

const CHUNK_CHARS = 64 * 1024;
/** Rows are encoded for this long before the event loop gets a turn for sockets and other requests. */
const TURN_MS = 5;

/** The rows as text, in pieces that are made only when the stream asks for them. */
export async function* encodeRows(
  slices: AsyncIterable<readonly PlacedResult[]>,
  { head, row }: Encoding,
): AsyncGenerator<string> {
  let text = head;
  let since = performance.now();
  for await (const slice of slices) {
    for (const result of slice) {
      text += row(result);
      if (text.length < CHUNK_CHARS) continue;
      yield text;
      text = '';
      if (performance.now() - since < TURN_MS) continue;
      await setImmediate();
      since = performance.now();
    }
  }
  if (text !== '') yield text;
}

const MAX_NAME_CHARACTERS = 100;

/**
 * The `Content-Disposition` of a download: an ASCII name for old clients, and the full one by RFC 8187. The name has no
 * path separator, quote or leading dot, whatever the id.
 */
export function attachment(fileId: FileId, extension: string): string {
  const name = [...fileId.replace(/[/\\]/g, '_').replace(/^\.+/, '_')].slice(0, MAX_NAME_CHARACTERS).join('');
  const ascii = name.replace(/[^\w.-]/g, '_');
  return `attachment; filename="${ascii}.${extension}"; filename*=UTF-8''${percentEncoded(`${name}.${extension}`)}`;
}

const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/['()*!]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
