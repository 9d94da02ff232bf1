import { once } from 'node:events';
import { createServer, type Server as HttpServer, type ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Guard } from './auth/guard.js';
import { createTokens } from './auth/tokens.js';
import { Broadcaster } from './broadcast/broadcaster.js';
import { clientIpBehind } from './client-ip.js';
import type { Config } from './config.js';
import { createEngine } from './engine/create-engine.js';
import type { Engine } from './engine/engine.js';
import { FatalError } from './errors.js';
import { createApp } from './http/app.js';
import { RateLimit } from './http/rate-limit.js';
import { WritesInFlight } from './http/writes-in-flight.js';
import { HttpIntake } from './inlet/http-intake.js';
import type { Inlets } from './inlet/inlet.js';
import { UpdateReader } from './inlet/update-reader.js';
import type { Logger } from './logger.js';
import { createMetrics, measureHeld } from './metrics.js';
import { Conflator } from './pipeline/conflator.js';
import { sweepExpired } from './pipeline/expiry-sweep.js';
import { Flusher } from './pipeline/flusher.js';
import { sweepOutbox } from './pipeline/outbox-sweep.js';
import { Pipeline } from './pipeline/pipeline.js';
import { watchRetention } from './pipeline/retention.js';
import { watchStalls } from './pipeline/stall-watch.js';
import { announceDraining } from './realtime/draining.js';
import { acceptListeners } from './realtime/listeners.js';
import { RoomWriter } from './realtime/room-writer.js';
import { createSocketServer } from './realtime/server.js';
import { Snapshots } from './snapshot/snapshots.js';
import { createValidator } from './validator/validator.js';
import { settledWithin } from './within.js';

/** EX_UNAVAILABLE of sysexits.h. */
const EXIT_UNAVAILABLE = 69;
/** The share of the time that is left for closing which a step may spend on waiting for somebody else. */
const PATIENCE = 0.5;
/** The share of it after which listeners are sent away although a server that hangs keeps something from being finished. */
const FINISHING = 0.6;
/** The share of it for listeners that take their time to hear of it. */
const TELLING = 0.1;

export interface Gateway {
  /** Where it listens, once started: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Leaves in good order; fulfilled when everything is closed. Calling it twice is a no-op. */
  close(): Promise<void>;
}

/** Builds and starts a gateway. @throws FatalError where it cannot start */
export async function startGateway(config: Config, logger: Logger): Promise<Gateway> {
  const validator = createValidator(config, logger);
  const engine = await createEngine(config, logger);
  logger.info({ engine: config.ENGINE, note: engine.note, auth: config.AUTH }, 'engine');
  try {
    return await assemble(config, logger, engine, validator);
  } catch (error) {
    await closeEngine(engine);
    throw error;
  }
}

async function assemble(
  config: Config,
  logger: Logger,
  engine: Engine,
  validator: ReturnType<typeof createValidator>,
): Promise<Gateway> {
  const { store, feed, checks } = engine;
  const metrics = createMetrics();
  measureHeld(metrics, () => store.updates.heldCounts());
  const phase = { current: 'starting' as 'starting' | 'ready' | 'draining' };

  const flusher = new Flusher({
    store,
    feed,
    logger,
    metrics,
    intervalMs: config.FLUSH_INTERVAL_MS,
    emailsPerEvent: config.EMAILS_PER_EVENT,
  });
  const pipeline = new Pipeline({
    store,
    feed,
    flusher,
    metrics,
    forget: engine.openInlets === null ? null : async (batchIds) => inlets?.forget(batchIds),
  });
  const conflator = new Conflator((update) => pipeline.handle(update), config.MAX_PENDING_BYTES, metrics);
  const reader = new UpdateReader(config.MAX_REMEMBERED_BYTES);
  const intake = new HttpIntake(pipeline, conflator, reader, config.MAX_UPDATE_BYTES);
  const inlets: Inlets | undefined = engine.openInlets?.({ intake, metrics });
  const snapshots = new Snapshots(store, feed);

  const readiness = () => (phase.current === 'ready' ? (inlets?.problems() ?? []) : [phase.current]);
  const addressOf = clientIpBehind(config.TRUSTED_PROXIES);
  const guard = new Guard(config.AUTH === 'jwt' ? createTokens(config) : null, store.files);
  const writes = new WritesInFlight();
  const app = createApp({
    config,
    guard,
    store,
    snapshots,
    intake,
    validator,
    readiness,
    checks,
    writes,
    metrics,
    logger,
    rateLimit: new RateLimit(config.MAX_COSTLY_REQUESTS_PER_MINUTE, addressOf),
  });
  const http = createServer(timesOf(config), app);
  const connections = connectionsOf(http);
  const options = {
    origins: config.CORS_ORIGINS,
    addressOf,
    maxConnections: config.MAX_CONNECTIONS,
    maxConnectionsPerAddress: config.MAX_CONNECTIONS_PER_ADDRESS,
    maxHandshakesPerSecond: config.MAX_HANDSHAKES_PER_SECOND,
    handshakeTimeoutMs: config.HANDSHAKE_TIMEOUT_MS,
    maxPayloadBytes: config.MAX_SOCKET_PAYLOAD_BYTES,
    maxSubscriptions: config.MAX_SUBSCRIPTIONS_PER_SOCKET,
    maxEventsPerSecond: config.MAX_EVENTS_PER_SECOND,
  };
  const io = createSocketServer(http, options);
  const rooms = new RoomWriter(io, { maxBufferedBytes: config.MAX_BUFFERED_BYTES }, metrics, logger);
  const broadcaster = new Broadcaster(feed, rooms);
  acceptListeners(io, { guard, broadcaster, snapshots, backlogs: rooms.backlogs, metrics, logger, options });

  // What others have stored they announce themselves, unless they take too long.
  if (!engine.isShared) await pipeline.announceOverdue();
  const url = await listen(http, config);
  const stopWatching = watchStalls(
    pipeline,
    { begunMs: config.STALL_AFTER_MS, queuedMs: config.QUEUE_STALL_AFTER_MS, lookUp: inlets?.lookUp },
    logger,
  );
  const stopSweeping = engine.isShared ? sweepOutbox(pipeline, logger) : () => undefined;
  const stopExpiring = sweepExpired(store, Math.min(config.HELD_TTL_MS, config.DEAD_LETTER_TTL_MS), logger);
  inlets?.start();
  const stopPurging = watchRetention(pipeline, config.RETENTION_DAYS, logger);
  phase.current = 'ready';
  logger.info({ url, engine: config.ENGINE }, 'listening');

  let closing: Promise<void> | undefined;
  const close = async () => {
    phase.current = 'draining';
    stopWatching();
    stopSweeping();
    stopExpiring();
    stopPurging();
    const step = stepper(logger);
    const finish = async () => {
      await step('take in no more', () => inlets?.close());
      await step('answer the requests under way', () => writes.drain(config.SHUTDOWN_TIMEOUT_MS * PATIENCE));
      await step('store what was taken in', () => conflator.idle());
      await step('announce what was stored', () => flusher.drain());
    };
    const finished = finish();
    await settledWithin(config.SHUTDOWN_TIMEOUT_MS * FINISHING, finished);
    await step('tell the listeners', () => announceDraining(io, config.SHUTDOWN_TIMEOUT_MS * TELLING));
    const impatience = setTimeout(
      () => connections.destroy(),
      config.SHUTDOWN_TIMEOUT_MS * PATIENCE * PATIENCE,
    );
    await step('close the sockets and connections', () => io.close());
    clearTimeout(impatience);
    // Whatever else there is time for.
    await finished;
    reader.close();
    await step('let go of the validator', () => validator?.close());
    await closeEngine(engine, step);
  };
  return {
    url,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** How long and how large a request may be: whoever sends a byte now and then must not keep a connection for ever. */
function timesOf({ MAX_HEADER_BYTES, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS }: Config): ServerOptions {
  const headersTimeout = Math.min(HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
  return {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: Math.min(1_000, headersTimeout),
  };
}

/** All connections of a server: its own list leaves out those that became WebSockets. */
function connectionsOf(http: HttpServer): { destroy(): void } {
  const open = new Set<Socket>();
  // One for all of them: there may be many thousands.
  const closed = function (this: Socket) {
    open.delete(this);
  };
  http.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', closed);
  });
  return {
    destroy: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

async function listen(http: HttpServer, { HOST, PORT }: Config): Promise<string> {
  http.listen(PORT, HOST);
  try {
    await once(http, 'listening');
  } catch (error) {
    throw new FatalError(`cannot listen on ${HOST}:${PORT}: ${(error as Error).message}`, EXIT_UNAVAILABLE, {
      cause: error,
    });
  }
  const { address, port, family } = http.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

type Step = (name: string, action: () => unknown) => Promise<void>;

/** Each step of leaving is tried, whatever became of the one before it. */
function stepper(logger: Logger): Step {
  return async (name, action) => {
    try {
      await action();
    } catch (error) {
      logger.error({ err: error, step: name }, 'a step of closing failed');
    }
  };
}

async function closeEngine(
  { store, feed }: Engine,
  step: Step = (_, action) => Promise.resolve(action()).then(() => undefined),
) {
  await step('close the feed', () => feed.close());
  await step('close the store', () => store.close());
}
