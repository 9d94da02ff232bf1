/** Writes to the TCP socket of an idle WebSocket connection, past engine.io, ws and the stream's own bookkeeping. */

import type { Socket as TcpSocket } from 'node:net';
import WebSocket from 'ws';
import { internalsOf } from './engine-internals.js';
import type { ClientSocket } from './server-types.js';

export const isOnWebSocket = ({ conn }: ClientSocket): boolean =>
  internalsOf(conn).transport?.name === 'websocket';

/**
 * The TCP socket of a connection for which nothing waits in engine.io, ws or Node.js, so that a write to it keeps the
 * order. Null: something waits, or the connection polls, or compresses its messages.
 */
export function idleTcpOf({ conn }: ClientSocket): TcpSocket | null {
  const { readyState, writeBuffer, transport } = internalsOf(conn);
  if (readyState !== 'open' || writeBuffer?.length !== 0) return null;
  if (transport?.name !== 'websocket' || !transport.writable || transport.perMessageDeflate) return null;
  const webSocket = transport.socket;
  if (webSocket === undefined || webSocket.readyState !== WebSocket.OPEN || webSocket.bufferedAmount > 0)
    return null;
  const tcp = webSocket._socket;
  return tcp == null || unfinished.has(tcp) ? null : tcp;
}

/** Larger buffers go through the stream, which counts them: the backlog of a slow consumer has to be known. */
const MAX_UNCOUNTED_BYTES = 65_536;
/** The encoding that streams pass to `_write` with a Buffer. */
const BUFFER_ENCODING = 'buffer' as BufferEncoding;
/** Sockets whose last direct write the kernel has not taken whole. */
const unfinished = new Set<TcpSocket>();

/** What the kernel does not take at once waits in the socket's handle, ahead of whatever the stream writes next. */
export function writeDirectly(tcp: TcpSocket, data: Buffer): void {
  if (data.length > MAX_UNCOUNTED_BYTES) {
    tcp.write(data);
    return;
  }
  let isTaken = false;
  tcp._write(data, BUFFER_ENCODING, (error) => {
    isTaken = true;
    unfinished.delete(tcp);
    if (error) tcp.destroy(error);
  });
  if (!isTaken) unfinished.add(tcp);
}
