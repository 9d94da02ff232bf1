import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Guard } from '../../src/auth/guard.js';
import { clientIpBehind } from '../../src/client-ip.js';
import { readConfig } from '../../src/config.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { Bodies } from '../../src/http/bodies.js';
import type { HttpConfig, HttpDependencies } from '../../src/http/dependencies.js';
import { LargeAnswers } from '../../src/http/large-answers.js';
import { RateLimit } from '../../src/http/rate-limit.js';
import { createRequestListener } from '../../src/http/request-listener.js';
import { WritesInFlight } from '../../src/http/writes-in-flight.js';
import { Intake } from '../../src/inlet/intake.js';
import { UpdateReader } from '../../src/inlet/update-reader.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Conflator } from '../../src/pipeline/conflator.js';
import { Flusher } from '../../src/pipeline/flusher.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { Breakdowns } from '../../src/snapshot/breakdowns.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import { createSubmissions, type SubmissionConfig } from '../../src/submission/submissions.js';
import { UnreadAnswers } from '../../src/unread-answers.js';
import type { Validator } from '../../src/validator/validator.js';
import { expectDocumented } from '../support/documented.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';

const MIB = 1024 * 1024;

const DEFAULTS: HttpConfig = {
  CORS_ORIGINS: [],
  COMPRESSION: true,
  MAX_UPDATE_BYTES: MIB,
  MAX_BODY_BYTES: MIB,
  MAX_BODIES_BYTES: 8 * MIB,
  ANSWER_WITHIN_MS: 8_000,
  MAX_EXPORTS: 2,
  MAX_EXPORTS_PER_CALLER: 2,
  EXPORT_IDLE_MS: 60_000,
  MAX_UNREAD_BYTES: 8 * MIB,
  MAX_EMAILS_PER_VALIDATION: 1000,
  VALIDATOR_USER_ID: 'verigate',
  WEBHOOKS_ALLOW_PRIVATE: false,
  MAX_WEBHOOKS: 3,
  MAX_LIST_BYTES: 8 * MIB,
  MAX_LIST_ROWS: 10_000,
  MAX_LIST_COLUMNS: 100,
  MAX_LIST_CELL: 10_000,
  MAX_LIST_ROW: 100_000,
  MAX_UNPACKED_BYTES: 16 * MIB,
  MAX_UNPACKED_RATIO: 100,
  MAX_SHARED_BYTES: 8 * MIB,
  MAX_WAITING_LISTS: 100,
  MAX_UPLOADS: 4,
  MAX_UPLOADS_PER_CALLER: 3,
  MAX_LIST_THREADS: 2,
};

const SUBMISSION_DEFAULTS: SubmissionConfig = {
  MAX_UPDATE_BYTES: MIB,
  IDEMPOTENCY_TTL_MS: 86_400_000,
  SUBMISSION_LEASE_MS: 15_000,
  SUBMISSION_RETRY_MS: 20,
  SUBMISSION_MAX_RETRY_MS: 100,
  VALIDATOR_SLICE: 10,
};

export interface TestApp {
  readonly url: string;
  readonly server: Server;
  readonly deps: HttpDependencies;
  /** Every line that was logged, at any level. */
  readonly log: string[];
  /** Announces what was taken in. */
  announce(): Promise<void>;
  /** Purges every file that has ended, and announces it. */
  purge(): Promise<number>;
}

interface Options extends Partial<Omit<HttpDependencies, 'config' | 'metrics' | 'logger' | 'submissions'>> {
  readonly config?: Partial<HttpConfig & SubmissionConfig>;
  readonly validator?: Validator | null;
}

/** The app over the real core in a folder of its own, on a free port; parts can be replaced. */
export async function startApp({ config = {}, validator = null, ...parts }: Options = {}): Promise<TestApp> {
  const log: string[] = [];
  const logger = createLogger('trace', { write: (line: string) => void log.push(line) });
  const settings = { ...DEFAULTS, ...config };

  const engine = await createEngine(readConfig({ DATA_DIR: temporaryDirectory() }), logger);
  const { feed } = engine;
  const store = parts.store ?? engine.store;
  onTeardown(async () => {
    await feed.close();
    await engine.store.close();
  });
  const metrics = createMetrics();
  const flusher = new Flusher({ store, feed, logger, metrics, intervalMs: 0, emailsPerEvent: 500 });
  const gate = new ChangeGate();
  const pipeline = new Pipeline({ store, feed, flusher, metrics, gate });
  const conflator = new Conflator((update, sender) => pipeline.handle(update, sender), 64 * MIB, metrics);
  const intake = new Intake(pipeline, conflator, new UpdateReader(8 * MIB), settings.MAX_UPDATE_BYTES);
  onTeardown(() => flusher.drain());

  const submissions =
    validator === null
      ? null
      : createSubmissions(
          { ...SUBMISSION_DEFAULTS, ...settings, ...config },
          { store, intake, validator, logger, metrics },
        );
  submissions?.start();
  onTeardown(() => submissions?.close());

  const announcer = new Announcer(flusher, null, store.files, feed, gate);
  // A page has room for what one update may bring.
  const snapshots = new Snapshots(store, feed, announcer, settings.MAX_UPDATE_BYTES);
  const breakdowns = new Breakdowns(store, snapshots);
  onTeardown(() => breakdowns.close());
  onTeardown(() => snapshots.close());
  const rateLimit = new RateLimit(100_000, clientIpBehind([]));
  const deps: HttpDependencies = {
    guard: new Guard(null, store.files, { check: async () => undefined }),
    rateLimit,
    bodies: new Bodies(settings, (req) => rateLimit.callerName(req)),
    answers: new LargeAnswers(
      new UnreadAnswers(settings.MAX_UNREAD_BYTES),
      settings.EXPORT_IDLE_MS,
      () => '',
    ),
    store,
    snapshots,
    breakdowns,
    intake,
    submissions,
    sessions: { revoke: async () => 0, listenersOf: async () => ({ listeners: 0, gateways: 1 }) },
    readiness: () => [],
    refusals: () => ({}),
    checks: {},
    writes: new WritesInFlight(),
    listTtlMs: 3_600_000,
    ...parts,
    config: settings,
    metrics,
    logger,
  };
  const { url, server } = await listen(createServer(createRequestListener(deps)));
  return {
    url,
    server,
    deps,
    log,
    announce: () => flusher.drain(),
    purge: () => pipeline.purge(Date.now() + 60_000),
  };
}

export async function listen(server: Server): Promise<{ url: string; server: Server }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body, as loosely typed as a client has it. */
  readonly json: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked into freely here
export type Json = any;

export async function call(
  app: { url: string },
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const init =
    body === undefined
      ? { method }
      : { method, body: typeof body === 'string' ? body : JSON.stringify(body) };
  return answerOf(await fetch(`${app.url}${path}`, init), method);
}

/** Every answer is compared with the document. */
export async function answerOf(response: Response, method = 'POST'): Promise<Answer> {
  const text = await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '');
  expectDocumented(method, response.url, { status: response.status, headers: response.headers, text });
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : null,
  };
}

export const result = (email: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  email,
  is_valid: true,
  status: 'deliverable',
  risk_level: 'low',
  deliverability_score: 95,
  details: { general: { domain: 'example.com', reason: '' }, sub_status: null },
  ...more,
});

/** A complete update of a batch. */
export const complete = (
  batchId: string,
  results: readonly unknown[],
  more: Record<string, unknown> = {},
) => ({
  batchId,
  isComplete: true,
  totalEmails: results.length,
  processedCount: results.length,
  validatedEmails: results,
  ...more,
});

/** A file with these results, stored and announced. */
export async function seed(
  app: TestApp,
  fileId: string,
  results: readonly unknown[],
  batchId = `${fileId}-b`,
): Promise<void> {
  const answer = await call(app, 'POST', '/api/updates', complete(batchId, results, { fileId }));
  if (answer.status !== 202) throw new Error(`seeding failed: ${answer.text}`);
  await app.announce();
}
