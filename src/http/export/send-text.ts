/** Sends a long text, or bytes, to a client at the pace at which it reads, and ends the connection of one that does not read. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { textPortions } from '../../portions.js';

type Piece = string | Uint8Array;

/** A client that reads less than this in the idle time counts as one that does not read. */
const PIECE_CHARS = 16 * 1024;

/**
 * `beforeFirst` is called once the first piece is known and before anything is sent: until then a failure can still be
 * answered with an error; one that comes later only breaks the connection.
 */
export async function sendText(
  res: Response,
  text: AsyncGenerator<Piece>,
  idleMs: number,
  beforeFirst: () => Promise<void>,
): Promise<void> {
  try {
    const first = await text.next();
    await beforeFirst();
    // Not the timeout of the socket: that one begins anew when the system has taken some of what was already waiting.
    const idle = setTimeout(() => res.destroy(), idleMs);
    try {
      // The pipeline closes the text when the client goes away, and the connection when the text fails.
      const pieces = inPieces(startingWith(first, text), () => idle.refresh());
      await pipeline(Readable.from(pieces, { objectMode: false, highWaterMark: PIECE_CHARS }), res);
    } finally {
      clearTimeout(idle);
    }
  } catch (error) {
    if (!isDisconnect(error)) throw error;
  } finally {
    await text.return(undefined);
  }
}

/** `onRead` is called each time that the client has made room for the next piece. */
async function* inPieces(text: AsyncIterable<Piece>, onRead: () => void): AsyncGenerator<Piece> {
  for await (const long of text) {
    for (const piece of typeof long === 'string' ? textPortions(long, PIECE_CHARS) : bytePortions(long)) {
      yield piece;
      onRead();
    }
  }
}

function* bytePortions(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += PIECE_CHARS) yield bytes.subarray(from, from + PIECE_CHARS);
}

/** The rest of a sequence behind its first item, which was taken before. */
export async function* startingWith<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

const DISCONNECTS = new Set<unknown>([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECONNRESET',
  'EPIPE',
]);
const isDisconnect = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && DISCONNECTS.has(error.code);
