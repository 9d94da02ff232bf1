import type { Socket as TcpSocket } from 'node:net';
import WebSocket from 'ws';
import type { GateSocket } from './gate-socket.js';
import { insideOf, textFrame } from './insides.js';

/** In front of every message of the engine's protocol. */
const MESSAGE = '4';

/** The WebSocket frame of a packet, in pieces; null: ws does not give it. */
export const frameOf = (packet: string): Buffer[] | null => textFrame(MESSAGE + packet);

export const isOnWebSocket = ({ conn }: GateSocket): boolean =>
  insideOf(conn).transport?.name === 'websocket';

/**
 * The TCP socket of a connection for which nothing waits, neither in engine.io nor in ws nor in Node.js: what is written
 * to it now is neither overtaken nor overtakes. Null: there is something, or its messages are compressed, or it polls.
 */
export function idleTcpOf({ conn }: GateSocket): TcpSocket | null {
  const { readyState, writeBuffer, transport } = insideOf(conn);
  if (readyState !== 'open' || writeBuffer?.length !== 0) return null;
  if (transport?.name !== 'websocket' || !transport.writable) return null;
  const inside = transport.socket;
  if (inside === undefined || inside.readyState !== WebSocket.OPEN) return null;
  if (inside.extensions !== '' || inside.bufferedAmount > 0) return null;
  return inside._socket ?? null;
}
