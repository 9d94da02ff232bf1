/** Reads uploaded lists chunk by chunk, the same way for both stores. */
import { Fault } from '../errors.js';
import { LIST_CHUNK_BYTES } from './lists.js';

/** The error where a list, or an upload, ends while it is used. */
export const listEnded = (): Fault =>
  new Fault('unavailable', 'the list has ended meanwhile', { retryAfterSeconds: 1 });

/** The bytes of a list from an offset on, chunk by chunk; never a part that looks like the whole. */
export async function* readChunks(
  size: () => Promise<number | null>,
  chunk: (index: number) => Promise<Uint8Array | null>,
  from: number,
): AsyncGenerator<Uint8Array> {
  const end = await size();
  if (end === null) throw listEnded();
  for (let at = from; at < end; ) {
    const index = Math.floor(at / LIST_CHUNK_BYTES);
    const bytes = await chunk(index);
    const wanted = bytes?.subarray(at - index * LIST_CHUNK_BYTES);
    if (wanted === undefined || wanted.length === 0) throw listEnded();
    // Before its reader has it: handed on to another thread, it has no length here any more.
    at += wanted.length;
    yield wanted;
  }
}
