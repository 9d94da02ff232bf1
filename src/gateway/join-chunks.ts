/** Joins the small chunks of a request's body, and takes turns between the connections that send such. */

import type { IncomingMessage } from 'node:http';
import { TurnLimit } from '../portions.js';

/** A body that says it is no longer costs little, however it comes. */
const SHORT_BYTES = 64 * 1024;
/** A chunk of this size or more is handed on as it is. */
const LARGE_BYTES = 1024;
/** Smaller ones that come in one turn of the event loop are joined, up to about this size. */
const JOINED_BYTES = 16 * 1024;
/** From then on a body counts as one of small chunks. */
const MANY_CHUNKS = 1_000;

/** What has come on one of these connections may be ten thousand chunks: they are read one in a turn of the event loop. */
const reads = new TurnLimit(1);

/**
 * Node.js makes a piece of each chunk, even of one byte, in memory of its own: a body of some megabytes in chunks of a byte would
 * take gigabytes, and seconds of the event loop. Call it before anything is read of the body.
 */
export function joinChunks(request: IncomingMessage): void {
  const { headers } = request;
  if (headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= SHORT_BYTES)
    return;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let small = 0;
  // Of its own, not of a class: Express gives requests another prototype.
  const push = request.push.bind(request);
  const read = request._read.bind(request);
  const handOn = () => {
    // Into memory of its size: the body may go on with a byte in each turn.
    if (waitingBytes > 0) push(Buffer.concat(waiting, waitingBytes));
    waiting = [];
    waitingBytes = 0;
  };
  /** Called by Node.js. False: it is to read no more from the connection until `_read` is called. */
  request.push = (chunk: Buffer | null) => {
    if (chunk === null || chunk.byteLength >= LARGE_BYTES) {
      handOn();
      return push(chunk);
    }
    if (waiting.length === 0) setImmediate(handOn);
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    if (waitingBytes >= JOINED_BYTES) handOn();
    return ++small < MANY_CHUNKS;
  };
  request._read = (bytes) => {
    if (small < MANY_CHUNKS) read(bytes);
    else void reads.wait().then(() => read(bytes));
  };
}
