/**
 * All undeclared internals of engine.io and ws that the gateway relies on. Every member is optional: where a new version
 * of a library lacks one, the gateway does without it and leaves the work to the library.
 */

import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { Socket } from 'socket.io';
import type WebSocket from 'ws';
import * as ws from 'ws';

interface EngineInternals {
  readonly readyState?: string;
  /** Packets that have not been handed to the transport. */
  readonly writeBuffer?: { readonly data?: unknown }[];
  /** Functions that remove the connection's listeners from the transport. */
  cleanupFn?: readonly (() => void)[];
  readonly transport?: EventEmitter & {
    readonly name: string;
    readonly writable?: boolean;
    /** Set where the server lets clients negotiate compression. */
    readonly perMessageDeflate?: unknown;
    readonly socket?: WebSocketInternals;
    /** The response to a poll. */
    readonly res?: ServerResponse | null;
  };
}

type WebSocketInternals = WebSocket & { readonly _socket?: (TcpSocket & StreamInternals) | null };

interface StreamInternals {
  /** `writelen`: bytes of the write that is under way. */
  readonly _writableState?: { readonly writelen?: number };
  /** `writeQueueSize`: bytes that the system has not taken. */
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

/** Where an EventEmitter of Node.js keeps its listeners. */
export interface EmitterInternals {
  _events?: Record<string | symbol, unknown>;
}

interface SenderInternals {
  readonly Sender?: { frame?(data: Buffer, options: typeof TEXT_FRAME): Buffer[] };
}

/** An unfragmented text message, unmasked as servers send it. */
const TEXT_FRAME = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };

/** From the module, not the class: the class has it only after ws was loaded as CommonJS. */
const sender = (ws as unknown as SenderInternals).Sender;

export const internalsOf = (connection: Socket['conn']): EngineInternals =>
  connection as unknown as EngineInternals;

/** The response to a request that polls; null: it is an upgrade. */
export const responseOf = (request: IncomingMessage): ServerResponse | null =>
  (request as { res?: ServerResponse }).res ?? null;

/** The WebSocket frame of a text, in the pieces that ws makes; null: this version of ws cannot make it. */
export const textFrame = (text: string): Buffer[] | null =>
  sender?.frame?.(Buffer.from(text), TEXT_FRAME) ?? null;

/** Bytes of the write under way that the system has taken. Node.js and ws count all of it as waiting until its end. */
export function takenBytes(webSocket: WebSocketInternals | undefined): number {
  const { _writableState, _handle } = webSocket?._socket ?? {};
  const [writing, left] = [_writableState?.writelen, _handle?.writeQueueSize];
  return writing === undefined || left === undefined ? 0 : Math.max(0, writing - left);
}

/** The internals that an open WebSocket connection lacks. Empty: frames may be written directly. */
export function missingInternals(connection: Socket['conn']): string[] {
  const { writeBuffer, transport } = internalsOf(connection);
  const webSocket = transport?.socket;
  const isFound: Readonly<Record<string, boolean>> = {
    'Sender.frame of ws': typeof sender?.frame === 'function',
    'writeBuffer of engine.io': Array.isArray(writeBuffer),
    'transport.writable of engine.io': typeof transport?.writable === 'boolean',
    'transport.perMessageDeflate of engine.io': transport !== undefined && 'perMessageDeflate' in transport,
    'transport.socket of engine.io': typeof webSocket?.bufferedAmount === 'number',
    '_socket of ws': typeof webSocket?._socket?.write === 'function',
  };
  return Object.keys(isFound).filter((name) => isFound[name] === false);
}
