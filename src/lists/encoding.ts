/** Finds the encoding of a text while its bytes arrive, and decodes it. */
import { isUtf8 } from 'node:buffer';
import type { ListEncoding } from '../domain/list-summary.js';

/** UTF-16 without a byte order mark is recognised by its zero bytes in this much of the beginning. */
const HEAD_BYTES = 4096;

/** By the byte order mark, else by the zero bytes of UTF-16; null: neither. */
export function encodingByHead(head: Buffer): ListEncoding | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  const pairs = Math.floor(Math.min(head.length, HEAD_BYTES) / 2);
  const zeros = [0, 0];
  for (let at = 0; at < pairs * 2; at++) if (head[at] === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  // Commas, digits and most letters have a zero as their upper byte.
  if (odd > pairs * 0.4 && even < pairs * 0.05) return 'utf-16le';
  if (even > pairs * 0.4 && odd < pairs * 0.05) return 'utf-16be';
  return null;
}

/** Checks a text in pieces for being UTF-8, the whole of it. */
export class Utf8Check {
  #isValid = true;
  #rest: Buffer = Buffer.alloc(0);

  add(bytes: Buffer): void {
    if (!this.#isValid) return;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const end = all.length - lengthOfCutCharacter(all);
    this.#isValid = isUtf8(all.subarray(0, end));
    this.#rest = Buffer.from(all.subarray(end));
  }

  /** Whether all of it was UTF-8. A character that is cut off at the end is none. */
  end(): boolean {
    return this.#isValid && this.#rest.length === 0;
  }
}

/** How many bytes at the end are the beginning of a character. */
function lengthOfCutCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

/** Decodes in pieces; the byte order mark is not part of the text. */
export function decoderOf(encoding: ListEncoding): (bytes: Uint8Array, isLast: boolean) => string {
  if (encoding === 'windows-1252') return (bytes) => windows1252(bytes);
  const decoder = new TextDecoder(encoding);
  return (bytes, isLast) => decoder.decode(bytes, { stream: !isLast });
}

/** Bytes 80 to 9F of Windows-1252. Some releases of Node decode them as Latin-1. */
const UPPER_CONTROLS = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

const windows1252 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (char) => UPPER_CONTROLS[char.charCodeAt(0) - 0x80] ?? char);

export async function* decode(
  chunks: AsyncIterable<Uint8Array>,
  encoding: ListEncoding,
): AsyncGenerator<string> {
  const decoder = decoderOf(encoding);
  for await (const chunk of chunks) yield decoder(chunk, false);
  const rest = decoder(new Uint8Array(), true);
  if (rest !== '') yield rest;
}
