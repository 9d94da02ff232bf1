import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { Server } from 'socket.io';
import { type ConnectionLimitOptions, ConnectionLimits } from './connection-limits.js';
import { releaseUpgradeRequests } from './memory-trimming.js';
import { textParser } from './parser.js';
import type { SocketServer } from './server-types.js';

export interface SocketServerOptions extends ConnectionLimitOptions {
  readonly handshakeTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
  readonly maxEventsPerSecond: number;
}

/** The Socket.IO server, before anybody is let in. */
export function createSocketServer(http: HttpServer, options: SocketServerOptions): SocketServer {
  const door = new ConnectionLimits(options);
  const io: SocketServer = new Server(http, {
    // Whoever opens a connection and asks for nothing.
    connectTimeout: options.handshakeTimeoutMs,
    upgradeTimeout: options.handshakeTimeoutMs,
    transports: ['websocket', 'polling'],
    maxHttpBufferSize: options.maxPayloadBytes,
    parser: textParser,
    cors: { origin: options.origins.includes('*') ? '*' : [...options.origins] },
    allowRequest: (request, decide) => {
      const refusal = door.refusalOf(request, io.engine.clientsCount);
      if (refusal === null) writeTogether(request.socket);
      decide(refusal, refusal === null);
    },
  });
  door.watch(io.engine);
  releaseUpgradeRequests(io.engine);
  return io;
}

/** What one turn of the event loop says to open a connection, the answer to its upgrade and the first packet, is written in one go. */
function writeTogether(tcp: Socket): void {
  tcp.cork();
  setImmediate(() => tcp.uncork());
}
