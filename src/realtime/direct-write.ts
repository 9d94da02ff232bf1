import type { Socket as TcpSocket } from 'node:net';
import WebSocket from 'ws';
import { internalsOf, textFrame } from './engine-internals.js';
import type { ClientSocket } from './server-types.js';

/** In front of every message of the engine's protocol. */
const MESSAGE = '4';

/** The WebSocket frame of a packet, in pieces; null: ws does not give it. */
export const frameOf = (packet: string): Buffer[] | null => textFrame(MESSAGE + packet);

export const isOnWebSocket = ({ conn }: ClientSocket): boolean =>
  internalsOf(conn).transport?.name === 'websocket';

/**
 * The TCP socket of a connection for which nothing waits, neither in engine.io nor in ws nor in Node.js: what is written
 * to it now is neither overtaken nor overtakes. Null: there is something, or its messages are compressed, or it polls.
 */
export function idleTcpOf({ conn }: ClientSocket): TcpSocket | null {
  const { readyState, writeBuffer, transport } = internalsOf(conn);
  if (readyState !== 'open' || writeBuffer?.length !== 0) return null;
  if (transport?.name !== 'websocket' || !transport.writable || transport.perMessageDeflate) return null;
  const inside = transport.socket;
  if (inside === undefined || inside.readyState !== WebSocket.OPEN || inside.bufferedAmount > 0) return null;
  const tcp = inside._socket;
  return tcp == null || behind.has(tcp) ? null : tcp;
}

/** Larger pieces are counted by the stream, so that the backlog of somebody who does not read is known. */
const UNCOUNTED = 65_536;
/** What a stream calls the encoding of bytes. */
const AS_IT_IS = 'buffer' as BufferEncoding;
/** Sockets of which the kernel has not taken the last piece whole that was written past their stream. */
const behind = new Set<TcpSocket>();

/**
 * Writes to an idle TCP socket, past the bookkeeping of its stream: it holds nothing, so there is nothing to keep in order.
 * What the kernel does not take at once waits in the socket's handle, in front of whatever is written next.
 */
export function writeIdle(tcp: TcpSocket, data: Buffer): void {
  if (data.length > UNCOUNTED) {
    tcp.write(data);
    return;
  }
  let isTaken = false;
  tcp._write(data, AS_IT_IS, (error) => {
    isTaken = true;
    behind.delete(tcp);
    if (error) tcp.destroy(error);
  });
  if (!isTaken) behind.add(tcp);
}
