import type { Server as HttpServer } from 'node:http';
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
      decide(refusal, refusal === null);
    },
  });
  door.watch(io.engine);
  releaseUpgradeRequests(io.engine);
  return io;
}
