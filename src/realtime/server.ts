/** Creates the Socket.IO server: its limits, its refusals, and what it keeps of a connection. */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import { Server, type ServerOptions } from 'socket.io';
import type { Fault } from '../errors.js';
import { endWithProblem, sendProblem } from '../problem.js';
import { type ConnectionLimitOptions, ConnectionLimits } from './connection-limits.js';
import { responseOf } from './engine-internals.js';
import { limitedWebSockets } from './frame-limit.js';
import { HelloDeadline } from './hello-deadline.js';
import { releaseUpgradeRequests } from './memory-trimming.js';
import { limitPackets } from './packet-limit.js';
import { textParser } from './parser.js';
import { limitPollingPayloads } from './polling-payloads.js';
import type { SocketServer } from './server-types.js';

export interface SocketServerOptions extends ConnectionLimitOptions {
  readonly handshakeTimeoutMs: number;
  readonly maxPayloadBytes: number;
  /** Of one socket. */
  readonly maxSubscriptions: number;
  /** Of all sockets. One caller gets half of what the others leave. */
  readonly maxSubscriptionsInAll: number;
  readonly maxEventsPerSecond: number;
  readonly maxFramesPerSecond: number;
  /** Reaches the sockets of other gateways; null: there are no other gateways. */
  readonly adapter: ServerOptions['adapter'] | null;
}

/** engine.io's code of a handshake that was refused. */
const FORBIDDEN = 4;

/**
 * The server without authentication and events: see `acceptListeners`. `onRefused` gets the name of the variable that refuses,
 * or else the code of the refusal.
 */
export function createSocketServer(
  http: HttpServer,
  options: SocketServerOptions,
  onRefused: (reason: string) => void = () => undefined,
): SocketServer {
  const limits = new ConnectionLimits(options);
  const io: SocketServer = new Server(http, {
    // Socket.IO waits 30 s more for the peer's part of closing: HelloDeadline is faster.
    connectTimeout: 2 * options.handshakeTimeoutMs,
    upgradeTimeout: options.handshakeTimeoutMs,
    transports: ['websocket', 'polling'],
    maxHttpBufferSize: options.maxPayloadBytes,
    parser: textParser,
    wsEngine: limitedWebSockets(options.maxFramesPerSecond),
    ...(options.adapter === null ? {} : { adapter: options.adapter }),
    cors: { origin: options.origins.includes('*') ? '*' : [...options.origins] },
    allowRequest: (request, accept) => {
      const fault = limits.refusalFor(request, io.engine.clientsCount);
      if (fault !== null) return refuse(request, fault);
      corkForThisTurn(request.socket);
      accept(null, true);
    },
  });
  /** Answered here: engine.io knows no statuses but 400 and 403, and no header that says when to retry. */
  const refuse = (request: IncomingMessage, fault: Fault) => {
    const { message } = fault;
    onRefused(reasonOf(fault));
    io.engine.emit('connection_error', { req: request, code: FORBIDDEN, message, context: { message } });
    const response = responseOf(request);
    if (response === null) endWithProblem(request.socket, fault);
    else sendProblem(response, fault);
  };
  limits.countConnections(io.engine);
  new HelloDeadline(options.handshakeTimeoutMs).watch(io);
  releaseUpgradeRequests(io.engine);
  limitPollingPayloads(io.engine);
  limitPackets(io.engine, options.maxFramesPerSecond);
  return io;
}

/** The variable that the message begins with, or else the code. */
const reasonOf = ({ code, message }: Fault): string => /^[A-Z]+(_[A-Z]+)+/.exec(message)?.[0] ?? code;

/** Joins the answer to a handshake and the first packet into one write. */
function corkForThisTurn(tcp: TcpSocket): void {
  tcp.cork();
  setImmediate(() => tcp.uncork());
}
