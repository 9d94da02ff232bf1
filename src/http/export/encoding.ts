import { setImmediate } from 'node:timers/promises';
import type { PlacedResult } from '../../domain/result.js';

export interface Encoding {
  /** What stands before the first row. */
  readonly head: string;
  readonly row: (result: PlacedResult) => string;
}

const CHUNK_CHARS = 64 * 1024;
/** How long rows are written in one go: sockets and other requests are served in between. */
const SLICE_MS = 5;

/** The rows as text, in chunks that are made only when they are asked for. */
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
      if (performance.now() - since < SLICE_MS) continue;
      await setImmediate();
      since = performance.now();
    }
  }
  if (text !== '') yield text;
}
