import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Broadcaster } from './broadcast/broadcaster.js';
import type { Config } from './config.js';
import { createEngine, type Engine } from './engine.js';
import { FatalError } from './errors.js';
import { Admission } from './http/admission.js';
import { createApp } from './http/app.js';
import { HttpIntake } from './inlet/http-intake.js';
import type { Logger } from './logger.js';
import { createMetrics, measureHeld } from './metrics.js';
import { Conflator } from './pipeline/conflator.js';
import { Flusher } from './pipeline/flusher.js';
import { Pipeline } from './pipeline/pipeline.js';
import { watchSilence } from './pipeline/silence-watch.js';
import { admitListeners, announceDraining, createGate } from './realtime/gate.js';
import { RoomWriter } from './realtime/room-writer.js';
import { Snapshots } from './snapshot/snapshots.js';
import { createValidator } from './validator/validator.js';

/** EX_UNAVAILABLE of sysexits.h. */
const EXIT_UNAVAILABLE = 69;
/** The share of the time that is left for closing which a step may spend on waiting for somebody else. */
const PATIENCE = 0.5;
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
  const engine = await createEngine(config);
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
  const { store, feed } = engine;
  const metrics = createMetrics();
  measureHeld(metrics, () => store.held());
  const phase = { current: 'starting' as 'starting' | 'ready' | 'draining' };

  const flusher = new Flusher({
    store,
    feed,
    logger,
    metrics,
    intervalMs: config.FLUSH_INTERVAL_MS,
    emailsPerEvent: config.EMAILS_PER_EVENT,
  });
  const pipeline = new Pipeline({ store, feed, flusher, metrics });
  const conflator = new Conflator((update) => pipeline.handle(update), config.MAX_PENDING_BYTES, metrics);
  const intake = new HttpIntake(pipeline, conflator, config.MAX_UPDATE_BYTES);
  const snapshots = new Snapshots(store, feed);

  const readiness = () => (phase.current === 'ready' ? [] : [phase.current]);
  const admission = new Admission();
  const app = createApp({
    config,
    store,
    snapshots,
    intake,
    validator,
    readiness,
    admission,
    metrics,
    logger,
  });
  const http = createServer(app);
  const connections = connectionsOf(http);
  const options = {
    origins: config.CORS_ORIGINS,
    maxConnections: config.MAX_CONNECTIONS,
    maxPayloadBytes: config.MAX_SOCKET_PAYLOAD_BYTES,
    maxSubscriptions: config.MAX_SUBSCRIPTIONS_PER_SOCKET,
    maxEventsPerSecond: config.MAX_EVENTS_PER_SECOND,
  };
  const io = createGate(http, options);
  const rooms = new RoomWriter(io, { maxBufferedBytes: config.MAX_BUFFERED_BYTES }, metrics, logger);
  const broadcaster = new Broadcaster(feed, rooms);
  admitListeners(io, { broadcaster, snapshots, backlogs: rooms.backlogs, metrics, logger, options });

  await pipeline.catchUp();
  const url = await listen(http, config);
  const stopWatching = watchSilence(
    pipeline,
    { begunMs: config.STALL_AFTER_MS, queuedMs: config.QUEUE_STALL_AFTER_MS },
    logger,
  );
  phase.current = 'ready';
  logger.info({ url, engine: config.ENGINE }, 'listening');

  let closing: Promise<void> | undefined;
  const close = async () => {
    phase.current = 'draining';
    stopWatching();
    const step = stepper(logger);
    await step('answer the requests under way', () => admission.close(config.SHUTDOWN_TIMEOUT_MS * PATIENCE));
    await step('store what was taken in', () => conflator.idle());
    await step('announce what was stored', () => flusher.drain());
    await step('tell the listeners', () => announceDraining(io, config.SHUTDOWN_TIMEOUT_MS * TELLING));
    const impatience = setTimeout(
      () => connections.destroy(),
      config.SHUTDOWN_TIMEOUT_MS * PATIENCE * PATIENCE,
    );
    await step('close the sockets and connections', () => io.close());
    clearTimeout(impatience);
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

/** All connections of a server: its own list leaves out those that became WebSockets. */
function connectionsOf(http: HttpServer): { destroy(): void } {
  const open = new Set<Socket>();
  http.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
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
