import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { Server } from 'socket.io';
import { Door, type DoorOptions } from './door.js';
import type { Gate } from './gate-socket.js';
import { releaseUpgradeRequests } from './leftovers.js';
import { textParser } from './parser.js';

export interface GateOptions extends DoorOptions {
  readonly handshakeTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
  readonly maxEventsPerSecond: number;
}

/** The Socket.IO server, before anybody is let in. */
export function createGate(http: HttpServer, options: GateOptions): Gate {
  const door = new Door(options);
  const io: Gate = new Server(http, {
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
