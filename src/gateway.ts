/** The composition root: builds a gateway from its parts, starts it, and stops it. */

import { setTimeout as pause } from 'node:timers/promises';
import { Guard } from './auth/guard.js';
import { Revocations } from './auth/revocations.js';
import { createTokens } from './auth/tokens.js';
import type { Config } from './config.js';
import { createEngine } from './engine/create-engine.js';
import { type Engine, listTtl, storeLimits } from './engine/engine.js';
import { warnOfSettings } from './gateway/advice.js';
import { instrumentEngine, instrumentGateway } from './gateway/measured.js';
import { createGatewayServer } from './gateway/server.js';
import { closeEngine, shutDown } from './gateway/shutdown.js';
import { createUpdatePath } from './gateway/update-path.js';
import { startWebhooks } from './gateway/webhooks.js';
import { DependencyWatch } from './health/dependency-watch.js';
import { WritesInFlight } from './http/writes-in-flight.js';
import type { Logger } from './logger.js';
import { measured } from './metrics/measured-calls.js';
import { createMetrics } from './metrics.js';
import { startBackgroundJobs } from './pipeline/background-jobs.js';
import { Breakdowns } from './snapshot/breakdowns.js';
import { Snapshots } from './snapshot/snapshots.js';
import { createSubmissions } from './submission/submissions.js';
import { createValidator, type Validator } from './validator/validator.js';
import { settledWithin } from './waiting.js';

/** The gateway waits this long for its first probes; a server may come later. */
const FIRST_PROBES_MS = 500;
/** The gateway waits this long for a database before it listens without it. */
const VERIFIED_MS = 1_000;

export interface Gateway {
  /** Where it listens: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Shuts down gracefully; fulfilled when everything is closed. Calling it twice is a no-op. */
  close(): Promise<void>;
}

/** @throws FatalError where the gateway cannot start */
export async function startGateway(config: Config, logger: Logger): Promise<Gateway> {
  const validator = createValidator(config, logger);
  const engine = await createEngine(config, logger);
  logger.info({ engine: config.ENGINE, note: engine.note, auth: config.AUTH }, 'engine');
  try {
    // A database that comes later is verified then, and the process ends if it may not be used.
    await Promise.race([engine.verified, pause(VERIFIED_MS, undefined, { ref: false })]);
    // Not caught on purpose: if the database is refused later, the unhandled rejection ends the process.
    void engine.verified.then(() => undefined);
    return await start(config, logger, engine, validator);
  } catch (error) {
    await closeEngine(engine);
    throw error;
  }
}

async function start(config: Config, logger: Logger, opened: Engine, client: Validator | null) {
  const metrics = createMetrics();
  const engine = instrumentEngine(opened, config, metrics);
  const validator = client && measured(client, 'validator', metrics);
  const { store, feed, checks, isShared, adapter } = engine;
  const updates = createUpdatePath(config, engine, metrics, logger);
  const { pipeline, intake, inlets } = updates;
  let phase: 'starting' | 'ready' | 'draining' = 'starting';
  const closing = new AbortController();
  const ofInlets = inlets && { dependency: 'redis' as const, run: () => inlets.probe() };
  const probes = [...engine.probes, ...(ofInlets ? [ofInlets] : [])];
  const watch = new DependencyWatch(probes, { intervalMs: config.PROBE_INTERVAL_MS }, { logger, metrics });
  const readiness = () => (phase === 'ready' ? [...(inlets?.problems() ?? []), ...watch.reasons()] : [phase]);
  const refusals = () => watch.refusals();
  const revocations = new Revocations(store.revocations, {
    checkMs: config.REVOCATION_CHECK_MS,
    onProblem: (err) => logger.warn({ err }, 'the revoked sessions cannot be read'),
  });
  const guard = new Guard(config.AUTH === 'jwt' ? createTokens(config) : null, store.files, revocations);
  const snapshots = new Snapshots(store, feed, updates.announcer, config.MAX_PAGE_BYTES);
  const breakdowns = new Breakdowns(store, snapshots);
  const writes = new WritesInFlight();
  const submissions =
    validator === null ? null : createSubmissions(config, { store, intake, validator, logger, metrics });
  const parts = {
    guard,
    revocations,
    adapter,
    store,
    feed,
    snapshots,
    breakdowns,
    intake,
    submissions,
    writes,
    metrics,
    logger,
  };
  const listTtlMs = listTtl(config);
  const server = createGatewayServer(config, { ...parts, listTtlMs, readiness, refusals, checks });
  instrumentGateway(metrics, engine, updates, server.io);

  // Embedded only: announce what the last run stored. With a shared store the outbox sweep does it.
  if (!isShared) await pipeline.queueUnannounced();
  const url = await server.listen();
  // Without tokens there are no users.
  if (config.AUTH === 'jwt') server.sessions.start();
  inlets?.start();
  await settledWithin(FIRST_PROBES_MS, watch.start());
  void warnOfSettings(config, engine, logger, closing.signal);
  submissions?.start();
  const { heldTtlMs, deadLetterTtlMs } = storeLimits(config);
  const stopJobs = startBackgroundJobs(
    { pipeline, store, logger },
    {
      begunMs: config.STALL_AFTER_MS,
      queuedMs: config.QUEUE_STALL_AFTER_MS,
      lookUp: inlets?.lookUp,
      isShared,
      ttlMs: Math.min(heldTtlMs, deadLetterTtlMs, listTtlMs),
      retentionDays: config.RETENTION_DAYS,
    },
  );
  const webhooks = startWebhooks(config, { store, metrics, logger });
  phase = 'ready';
  logger.info({ url, engine: config.ENGINE }, 'listening');

  let closed: Promise<void> | undefined;
  const close = () => {
    phase = 'draining';
    stopJobs();
    closing.abort();
    watch.close();
    revocations.close();
    breakdowns.close();
    snapshots.close();
    const timeoutMs = config.SHUTDOWN_TIMEOUT_MS;
    return shutDown({
      engine,
      updates,
      server,
      writes,
      submissions,
      validator,
      webhooks,
      timeoutMs,
      logger,
    });
  };
  return { url, close: () => (closed ??= close()) };
}
