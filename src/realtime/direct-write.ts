import type { Socket as TcpSocket } from 'node:net';
import WebSocket from 'ws';
import type { GateSocket } from './gate-socket.js';

/**
 * Everything that writing to rooms relies on and that its libraries do not declare, in one place. Where an upgrade takes
 * something of it away, `missing` says so and every packet goes the way that engine.io gives it.
 */
interface Connection {
  readonly readyState: string;
  readonly writeBuffer: readonly unknown[];
  readonly transport: {
    readonly name: string;
    readonly writable: boolean;
    readonly socket?: WebSocketInside;
  };
}

type WebSocketInside = WebSocket & { readonly _socket?: TcpSocket | null };

interface Inside {
  readonly Sender?: { frame?(data: Buffer, options: typeof TEXT): Buffer[] };
}

/** A whole text message, as servers send it. */
const TEXT = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };
/** In front of every message of the engine's protocol. */
const MESSAGE = '4';

const sender = (WebSocket as unknown as Inside).Sender;

/** The WebSocket frame of a packet, in the pieces in which ws makes it; null: it makes none. */
export const frameOf = (packet: string): Buffer[] | null =>
  sender?.frame?.(Buffer.from(MESSAGE + packet), TEXT) ?? null;

/** What cannot be found where it was; empty: packets may be written directly. Asked about an open WebSocket connection. */
export function missing(socket: GateSocket): string[] {
  const { writeBuffer, transport } = connectionOf(socket);
  const inside = transport?.socket;
  const relied: Readonly<Record<string, boolean>> = {
    'Sender.frame of ws': typeof sender?.frame === 'function',
    'writeBuffer of engine.io': Array.isArray(writeBuffer),
    'transport.writable of engine.io': typeof transport?.writable === 'boolean',
    'transport.socket of engine.io': typeof inside?.bufferedAmount === 'number',
    '_socket of ws': typeof inside?._socket?.write === 'function',
  };
  return Object.keys(relied).filter((name) => relied[name] === false);
}

export const isOnWebSocket = (socket: GateSocket): boolean =>
  connectionOf(socket).transport?.name === 'websocket';

/**
 * The TCP socket of a connection for which nothing waits, neither in engine.io nor in ws nor in Node.js: what is written
 * to it now is neither overtaken nor overtakes. Null: there is something, or its messages are compressed, or it polls.
 */
export function idleTcpOf(socket: GateSocket): TcpSocket | null {
  const { readyState, writeBuffer, transport } = connectionOf(socket);
  if (readyState !== 'open' || writeBuffer.length > 0) return null;
  if (transport.name !== 'websocket' || !transport.writable) return null;
  const inside = transport.socket;
  if (inside === undefined || inside.readyState !== WebSocket.OPEN) return null;
  if (inside.extensions !== '' || inside.bufferedAmount > 0) return null;
  return inside._socket ?? null;
}

const connectionOf = ({ conn }: GateSocket): Connection => conn as unknown as Connection;
