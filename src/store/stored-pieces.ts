/** How a submission's long texts are stored: in numbered pieces of bounded size. */

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
