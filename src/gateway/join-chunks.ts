/** Joins the small chunks of a request's body, and takes turns between the connections that send such. */

import type { IncomingMessage } from 'node:http';
import { limitConcurrency } from '../concurrency-limit.js';

/** A body that says it is no longer costs little, however it comes. */
const SHORT_BYTES = 64 * 1024;
/** A chunk of this size or more is handed on as it is. */
const LARGE_BYTES = 1024;
/** Smaller ones are joined up to this size. */
const JOINED_BYTES = 16 * 1024;
/** From then on a body counts as one of small chunks. */
const MANY_CHUNKS = 1_000;

/** What has come on one of these connections may be ten thousand chunks: they are read one in a turn of the event loop. */
const inTurn = limitConcurrency(1, async (read: () => void) => {
  await new Promise((next) => setImmediate(next));
  read();
});

/**
 * Node.js makes a piece of each chunk, even of one byte, in memory of its own: a body of some megabytes in chunks of a byte would
 * take gigabytes, and seconds of the event loop. Call it before anything is read of the body.
 */
export function joinChunks(request: IncomingMessage): void {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= SHORT_BYTES)
    return;
  let joined: Buffer | null = null;
  let filled = 0;
  let small = 0;
  // Of its own, not of a class: Express gives requests another prototype.
  const push = request.push.bind(request);
  const read = request._read.bind(request);
  const handOn = () => {
    if (joined !== null) push(joined.subarray(0, filled));
    joined = null;
    filled = 0;
  };
  /** Called by Node.js. False: it is to read no more from the connection until `_read` is called. */
  request.push = (chunk: Buffer | null) => {
    if (chunk === null || chunk.byteLength >= LARGE_BYTES) {
      handOn();
      return push(chunk);
    }
    if (filled + chunk.byteLength > JOINED_BYTES) handOn();
    if (joined === null) {
      joined = Buffer.allocUnsafeSlow(JOINED_BYTES);
      setImmediate(handOn);
    }
    joined.set(chunk, filled);
    filled += chunk.byteLength;
    return ++small < MANY_CHUNKS;
  };
  request._read = (bytes) => {
    if (small < MANY_CHUNKS) read(bytes);
    else void inTurn(() => read(bytes));
  };
}
