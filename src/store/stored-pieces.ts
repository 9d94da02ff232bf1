/** How a submission's long texts and row maps are stored: in numbered pieces of bounded size. */

/** Characters of the text in one stored piece. */
const PIECE_CHARS = 256 * 1024;

/** Cuts a long text into pieces for records of bounded size, never through a surrogate pair. */
export function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + PIECE_CHARS);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end++;
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

export const rowsToText = (numbers: Uint32Array): string =>
  Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64');

/** Copied: a pooled buffer may begin anywhere, a list of 32-bit numbers may not. */
export const rowsFromText = (text: string): Uint32Array =>
  new Uint32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);

/** Reads numbered parts until there is no further one. */
export async function* partsOf<T>(read: (part: number) => Promise<T | null>): AsyncGenerator<T> {
  for (let part = 0; ; part++) {
    const found = await read(part);
    if (found === null) return;
    yield found;
  }
}
