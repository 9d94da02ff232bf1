/** Creates the Socket.IO server, and announces to its sockets that it is about to close. */

import type { Server as HttpServer } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Server } from 'socket.io';
import { waitingBytes } from './backpressure.js';
import { type ConnectionLimitOptions, ConnectionLimits } from './connection-limits.js';
import { releaseUpgradeRequests } from './memory-trimming.js';
import { textParser } from './parser.js';
import type { ClientSocket, SocketServer } from './server-types.js';

export interface SocketServerOptions extends ConnectionLimitOptions {
  readonly handshakeTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
  readonly maxEventsPerSecond: number;
}

/** The server without authentication and events: see `acceptListeners`. */
/** `onRefused` gets the name of the limit, or `origin`. */
export function createSocketServer(
  http: HttpServer,
  options: SocketServerOptions,
  onRefused: (reason: string) => void = () => undefined,
): SocketServer {
  const limits = new ConnectionLimits(options);
  const io: SocketServer = new Server(http, {
    // Closes a connection that never asks for the namespace.
    connectTimeout: options.handshakeTimeoutMs,
    upgradeTimeout: options.handshakeTimeoutMs,
    transports: ['websocket', 'polling'],
    maxHttpBufferSize: options.maxPayloadBytes,
    parser: textParser,
    cors: { origin: options.origins.includes('*') ? '*' : [...options.origins] },
    allowRequest: (request, decide) => {
      const refusal = limits.refusalFor(request, io.engine.clientsCount);
      if (refusal === null) corkForThisTurn(request.socket);
      else onRefused(/^MAX_\w+/.exec(refusal)?.[0] ?? 'origin');
      decide(refusal, refusal === null);
    },
  });
  limits.countConnections(io.engine);
  releaseUpgradeRequests(io.engine);
  return io;
}

/** Joins the answer to a handshake and the first packet into one write. */
function corkForThisTurn(tcp: TcpSocket): void {
  tcp.cork();
  setImmediate(() => tcp.uncork());
}

/** Reconnections are spread over this time for each socket, so that they do not come all at once. */
const SPREAD_MS_PER_SOCKET = 0.6;
const MIN_SPREAD_MS = 500;
const MAX_SPREAD_MS = 10_000;
const POLL_INTERVAL_MS = 10;

/**
 * Sends every socket `server_draining` with a time to reconnect after. Waits until all have read it, because closing a
 * connection drops what is still buffered for it, but no longer than the timeout.
 */
export async function announceDraining(io: SocketServer, timeoutMs: number): Promise<void> {
  const { sockets } = io.of('/');
  const spread = Math.min(MAX_SPREAD_MS, Math.max(MIN_SPREAD_MS, sockets.size * SPREAD_MS_PER_SOCKET));
  const announce = (socket: ClientSocket) => {
    socket.emit('server_draining', { reconnectInMs: Math.round(spread * (0.2 + 0.8 * Math.random())) });
  };
  for (const socket of sockets.values()) announce(socket);
  io.on('connection', announce);
  const deadline = performance.now() + timeoutMs;
  const isWaiting = ({ conn }: ClientSocket) => waitingBytes(conn) > 0;
  while (performance.now() < deadline && [...sockets.values()].some(isWaiting)) await pause(POLL_INTERVAL_MS);
}
