import type { Server as HttpServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Server } from 'socket.io';
import type { Guard } from '../auth/guard.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import type { Refused } from '../domain/events.js';
import { Fault } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import type { Backlogs } from './backlogs.js';
import { waitingBytes } from './connection.js';
import { Door, type DoorOptions } from './door.js';
import type { Gate, GateSocket } from './gate-socket.js';
import { Pacer } from './pacer.js';
import { textParser } from './parser.js';
import { read, refreshSchema, refusal, subscribeSchema, unsubscribeSchema } from './requests.js';
import { Session } from './session.js';
import { Subscriptions } from './subscriptions.js';
import { TokenBucket } from './token-bucket.js';
import { Turns } from './turns.js';

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
  return io;
}

export interface ListenersDeps {
  readonly guard: Guard;
  readonly broadcaster: Broadcaster;
  readonly snapshots: Snapshots;
  readonly backlogs: Backlogs;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly options: GateOptions;
}

/** Snapshots that are answered in one turn of the event loop: each may be some 30 kB to write. */
const SNAPSHOTS_PER_TURN = 64;

/** Lets listeners in: each event is checked, answered, and never anybody else's problem. */
export function admitListeners(io: Gate, deps: ListenersDeps): void {
  identifyAll(io, deps.guard);
  const pacer = new Pacer(SNAPSHOTS_PER_TURN);
  io.on('connection', (socket) => {
    const session = new Session(deps.guard, socket.data.principal, () =>
      subscriptions.dismissAll('token_expired'),
    );
    const subscriptions: Subscriptions = new Subscriptions(socket, {
      ...deps,
      session,
      pacer,
      maxSubscriptions: deps.options.maxSubscriptions,
    });
    socket.data.subscriptions = subscriptions;
    forgetHandshake(socket);
    deps.metrics.sockets.inc();
    limitEvents(socket, deps);

    const on = answering(socket, deps);
    on('subscribe', async (request) => {
      const { fileId, feeds, since } = read(subscribeSchema, request);
      return subscriptions.subscribe(fileId, feeds, since ?? null);
    });
    on('unsubscribe', async (request) => {
      await subscriptions.unsubscribe(read(unsubscribeSchema, request).fileId);
      return { ok: true };
    });
    on('refresh', async (request) => {
      const expiresAt = await session.refresh(read(refreshSchema, request).token);
      await subscriptions.recheck();
      return { ok: true, expiresAt };
    });
    socket.on('disconnect', () => {
      deps.metrics.sockets.dec();
      session.end();
      subscriptions.end();
    });
    // Without a listener an error event would end the process.
    socket.on('error', () => undefined);
  });
}

/**
 * Lets nobody in who brings no good token. It stands in the handshake's `auth`, and is looked for nowhere else: a URL ends
 * up in logs. What was wrong is in the error's `data`, as in every refusal.
 */
function identifyAll(io: Gate, guard: Guard): void {
  io.use((socket, next) => {
    const { token } = socket.handshake.auth as { token?: unknown };
    guard.identify(typeof token === 'string' ? token : undefined).then(
      (principal) => {
        socket.data.principal = principal;
        next();
      },
      (error: unknown) => {
        const { error: data } = refusal(error);
        next(Object.assign(new Error(data.message), { data }));
      },
    );
  });
}

/** What was sent to open the connection has been used: its headers and its token would be kept for as long as it lasts. */
function forgetHandshake({ conn, handshake }: GateSocket): void {
  Object.assign(conn, { request: null });
  Object.assign(handshake, { headers: {}, query: {}, auth: {} });
}

type Answer = (reply: object) => void;

type Handle = (request: unknown) => Promise<object>;

/**
 * Answers events whatever was sent with them, one after the other: the answer to somebody who was away may be large, and
 * whoever asks without reading must not make them pile up. One without an acknowledgement is carried out all the same.
 */
function answering(socket: GateSocket, { backlogs, logger, options }: ListenersDeps) {
  const turns = new Turns(options.maxEventsPerSecond);
  return (event: 'subscribe' | 'unsubscribe' | 'refresh', handle: Handle): void => {
    const listener = (...args: unknown[]) => {
      const last = args.at(-1);
      const answer: Answer = typeof last === 'function' ? (last as Answer) : () => undefined;
      const taken = turns.take(async () => {
        if (!(await backlogs.ready(socket))) return;
        answer(await answerTo(event, () => handle(args[0]), logger));
      });
      if (!taken) answer(refusal(new Fault('rate_limited', 'too many events wait for their answers')));
    };
    socket.on(event, listener as never);
  };
}

async function answerTo(event: string, handle: () => Promise<object>, logger: Logger): Promise<object> {
  try {
    return await handle();
  } catch (error) {
    const refused = refusal(error);
    if (refused.error.code === 'internal') logger.error({ err: error, event }, 'an event failed');
    return refused;
  }
}

const EVENTS: ReadonlySet<unknown> = new Set(['subscribe', 'unsubscribe', 'refresh']);

/** Refuses what is too much or unknown before anybody works on it. */
function limitEvents(socket: GateSocket, { backlogs, options }: ListenersDeps): void {
  const perSecond = options.maxEventsPerSecond;
  const bucket = new TokenBucket(perSecond);
  socket.use(([event, ...args], next) => {
    // Refusals wait to be read as well.
    if (!backlogs.admits(socket)) return;
    const fault = !bucket.take()
      ? new Fault('rate_limited', `a socket may send ${perSecond} events a second`)
      : EVENTS.has(event)
        ? null
        : new Fault('invalid_request', 'event: is not one of subscribe, unsubscribe, refresh');
    if (fault === null) {
      next();
      return;
    }
    const last: unknown = args.at(-1);
    if (typeof last === 'function') (last as (reply: Refused) => void)(refusal(fault));
  });
}

/** Reconnections are spread over so much time for each socket, so that they do not all knock at once. */
const SPREAD_MS_PER_SOCKET = 0.6;
const MIN_SPREAD_MS = 500;
const MAX_SPREAD_MS = 10_000;

/**
 * Tells everybody that the gateway is about to close, and when to come back. Fulfilled once all have taken that, and what
 * waited for them before it, or when the time for it is over: closing a connection drops what still waits.
 */
export async function announceDraining(io: Gate, patienceMs: number): Promise<void> {
  const { sockets } = io.of('/');
  const spread = Math.min(MAX_SPREAD_MS, Math.max(MIN_SPREAD_MS, sockets.size * SPREAD_MS_PER_SOCKET));
  const tell = (socket: GateSocket) => {
    socket.emit('server_draining', { reconnectInMs: Math.round(spread * (0.2 + 0.8 * Math.random())) });
  };
  for (const socket of sockets.values()) tell(socket);
  io.on('connection', tell);
  const end = performance.now() + patienceMs;
  const isWaiting = ({ conn }: GateSocket) => waitingBytes(conn) > 0;
  while (performance.now() < end && [...sockets.values()].some(isWaiting)) await pause(LOOK_MS);
}

const LOOK_MS = 10;
