/** The server that clients connect to: REST, Socket.IO and the files of the dashboard on one port. */

import { once } from 'node:events';
import { createServer, type Server as HttpServer, type RequestListener, type ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { SocketAdapter } from '../adapter/redis-adapter.js';
import type { Revocations } from '../auth/revocations.js';
import { Broadcaster } from '../broadcast/broadcaster.js';
import { clientIpBehind } from '../client-ip.js';
import type { Config } from '../config.js';
import { FatalError } from '../errors.js';
import type { Feed } from '../feed/feed.js';
import { hostCheck } from '../hosts.js';
import { Bodies } from '../http/bodies.js';
import type { HttpDependencies } from '../http/dependencies.js';
import { LargeAnswers } from '../http/large-answers.js';
import { RateLimit } from '../http/rate-limit.js';
import { createRequestListener } from '../http/request-listener.js';
import { ClusterSockets } from '../realtime/cluster-sockets.js';
import { acceptListeners } from '../realtime/listeners.js';
import { RoomWriter } from '../realtime/room-writer.js';
import { createSocketServer } from '../realtime/server.js';
import type { SocketServer } from '../realtime/server-types.js';
import { countUnreadPolls } from '../realtime/unread-polls.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import { UnreadAnswers } from '../unread-answers.js';
import { checkRequests, GatewayRequest } from './request-checks.js';

/** EX_UNAVAILABLE of sysexits.h. */
const EXIT_UNAVAILABLE = 69;

/**
 * Events that may wait for their listeners, in updates of the largest size, and at least. One flush has 16 MiB of results and
 * one update more, of which the events may be half as long again: no listener is cut off for one before its turn.
 */
const WAITING_UPDATES = 6;
const MIN_WAITING_BYTES = 32 * 2 ** 20;

export interface GatewayServer {
  readonly io: SocketServer;
  readonly sessions: ClusterSockets;
  /** Fulfilled with the URL. @throws FatalError where the address cannot be used */
  listen(): Promise<string>;
  /** Closes every connection without waiting for its client. */
  destroyConnections(): void;
}

interface ServerDeps
  extends Omit<HttpDependencies, 'config' | 'rateLimit' | 'bodies' | 'answers' | 'snapshots' | 'sessions'> {
  readonly feed: Feed;
  readonly revocations: Revocations;
  /** Null: there are no other gateways. */
  readonly adapter: SocketAdapter | null;
  readonly snapshots: Snapshots;
}

export function createGatewayServer(config: Config, deps: ServerDeps): GatewayServer {
  const addressOf = clientIpBehind(config.TRUSTED_PROXIES);
  const rateLimit = new RateLimit(config.MAX_COSTLY_REQUESTS_PER_MINUTE, addressOf);
  // The app needs the sockets, whose server needs the HTTP server.
  let app: RequestListener = () => undefined;
  const http = createServer(httpOptions(config), (request, response) => app(request, response));
  const destroyConnections = trackConnections(http);
  const options = {
    origins: config.CORS_ORIGINS,
    addressOf,
    maxConnections: config.MAX_CONNECTIONS,
    maxConnectionsPerAddress: config.MAX_CONNECTIONS_PER_ADDRESS,
    maxHandshakesPerSecond: config.MAX_HANDSHAKES_PER_SECOND,
    handshakeTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
    maxPayloadBytes: config.MAX_SOCKET_PAYLOAD_BYTES,
    maxSubscriptions: config.MAX_SUBSCRIPTIONS_PER_SOCKET,
    maxSubscriptionsInAll: config.MAX_SUBSCRIPTIONS,
    maxEventsPerSecond: config.MAX_EVENTS_PER_SECOND,
    maxFramesPerSecond: config.MAX_FRAMES_PER_SECOND,
    isDraining: () => deps.readiness().includes('draining'),
    adapter: deps.adapter?.create ?? null,
  };
  const { guard, feed, snapshots, metrics, logger } = deps;
  const io = createSocketServer(http, options, (reason) => metrics.handshakesRefused.inc({ reason }));
  checkRequests(http, {
    check: hostCheckFor(config),
    refused: ({ code, message }) => logger.debug({ code, reason: message }, 'refused a request'),
    maxPipelined: config.MAX_PIPELINED_REQUESTS,
  });
  const unread = new UnreadAnswers(config.MAX_UNREAD_BYTES);
  const roomOptions = {
    maxBufferedBytes: config.MAX_BUFFERED_BYTES,
    maxWaitingBytes: Math.max(MIN_WAITING_BYTES, WAITING_UPDATES * config.MAX_UPDATE_BYTES),
    unread,
  };
  const rooms = new RoomWriter(io, roomOptions, metrics, logger);
  countUnreadPolls(io.engine, unread, addressOf);
  const broadcaster = new Broadcaster(feed, rooms, config.MAX_FOLLOWED_FILES);
  acceptListeners(io, {
    guard,
    broadcaster,
    snapshots,
    backpressure: rooms.backpressure,
    metrics,
    logger,
    options,
  });
  const sessions = new ClusterSockets(io, deps.revocations, deps.adapter !== null);
  const bodies = new Bodies(config, (req) => rateLimit.callerName(req));
  const answers = new LargeAnswers(unread, config.EXPORT_IDLE_MS, (req) => rateLimit.callerName(req));
  app = createRequestListener({ ...deps, config, rateLimit, bodies, answers, sessions });
  return { io, sessions, listen: () => listen(http, config), destroyConnections };
}

const hostCheckFor = ({ ALLOWED_HOSTS, CORS_ORIGINS, AUTH }: Config) =>
  hostCheck({ allowedHosts: ALLOWED_HOSTS, origins: CORS_ORIGINS, isOpen: AUTH === 'none' });

/** Limits on the size and duration of a request: a client that sends a byte now and then must not keep its connection. */
function httpOptions({
  MAX_HEADER_BYTES,
  HEADERS_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
}: Config): ServerOptions<typeof GatewayRequest> {
  const headersTimeout = Math.min(HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
  return {
    IncomingMessage: GatewayRequest,
    // A request without one is answered like any other that is wrong.
    requireHostHeader: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(1_000, headersTimeout),
  };
}

/** Returns a function that destroys all open connections: the server's own list leaves out those that became WebSockets. */
function trackConnections(http: HttpServer): () => void {
  const open = new Set<Socket>();
  // One function for all of them: there may be many thousands.
  const onClose = function (this: Socket) {
    open.delete(this);
  };
  http.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', onClose);
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}

/** Connections that wait to be accepted: the listeners of a gateway that has died come all at once. The kernel may allow fewer. */
const BACKLOG = 4_096;

const LOOPBACK_OF_WILDCARD: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

async function listen(http: HttpServer, { HOST, PORT }: Config): Promise<string> {
  http.listen(PORT, HOST, BACKLOG);
  try {
    await once(http, 'listening');
  } catch (error) {
    throw new FatalError(`cannot listen on ${HOST}:${PORT}: ${(error as Error).message}`, EXIT_UNAVAILABLE, {
      cause: error,
    });
  }
  const { address, port, family } = http.address() as AddressInfo;
  // A wildcard address is no name that clients can use: see `hosts.ts`.
  const host = LOOPBACK_OF_WILDCARD[address] ?? address;
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
}
