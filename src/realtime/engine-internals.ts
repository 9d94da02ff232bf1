import type { EventEmitter } from 'node:events';
import type { Socket as TcpSocket } from 'node:net';
import type { Socket } from 'socket.io';
import type WebSocket from 'ws';
import * as ws from 'ws';

/**
 * All that is relied on of engine.io and ws and that they do not declare, in one place. Where an upgrade takes something
 * of it away, whoever asks finds it missing, and leaves the matter to the libraries.
 */
export interface EngineInternals {
  readonly readyState?: string;
  /** Packets that have not been handed to the transport. */
  readonly writeBuffer?: readonly { readonly data?: unknown }[];
  /** Functions that take its listeners from the transport. */
  cleanupFn?: readonly (() => void)[];
  readonly transport?: EventEmitter & {
    readonly name: string;
    readonly writable?: boolean;
    /** Set where a server lets its clients ask for compression. */
    readonly perMessageDeflate?: unknown;
    readonly socket?: WebSocketInternals;
  };
}

export type WebSocketInternals = WebSocket & { readonly _socket?: TcpSocket | null };

/** Where an EventEmitter of Node.js keeps its listeners. */
export interface EmitterInternals {
  _events?: Record<string | symbol, unknown>;
}

interface SenderInternals {
  readonly Sender?: { frame?(data: Buffer, options: typeof TEXT): Buffer[] };
}

/** A whole text message, as servers send it. */
const TEXT = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };

/** Of the module, not of the class: that has one only where somebody has loaded ws as CommonJS before. */
const sender = (ws as unknown as SenderInternals).Sender;

export const internalsOf = (connection: Socket['conn']): EngineInternals =>
  connection as unknown as EngineInternals;

/** The WebSocket frame of a text, in the pieces in which ws makes it; null: it makes none. */
export const textFrame = (text: string): Buffer[] | null => sender?.frame?.(Buffer.from(text), TEXT) ?? null;

/** What cannot be found where it was; empty: packets may be written directly. Asked about an open WebSocket connection. */
export function missingInternals(connection: Socket['conn']): string[] {
  const { writeBuffer, transport } = internalsOf(connection);
  const inside = transport?.socket;
  const relied: Readonly<Record<string, boolean>> = {
    'Sender.frame of ws': typeof sender?.frame === 'function',
    'writeBuffer of engine.io': Array.isArray(writeBuffer),
    'transport.writable of engine.io': typeof transport?.writable === 'boolean',
    'transport.perMessageDeflate of engine.io': transport !== undefined && 'perMessageDeflate' in transport,
    'transport.socket of engine.io': typeof inside?.bufferedAmount === 'number',
    '_socket of ws': typeof inside?._socket?.write === 'function',
  };
  return Object.keys(relied).filter((name) => relied[name] === false);
}
