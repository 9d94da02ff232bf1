/** The configuration: one validated value, read from the environment in one place. */

import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import {
  flag,
  flagThatIsOn,
  headerText,
  hosts,
  httpUrl,
  integer,
  listenHost,
  networks,
  oneOf,
  origins,
  text,
} from './config/kinds.js';
import { problemOfMongoUri } from './config/mongodb-uri.js';
import { DAY_MS, HOUR_MS } from './domain/durations.js';
import { EXIT_CONFIG, FatalError } from './errors.js';
import { AddressError, parseAddress } from './redis/address.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The error messages of the two never repeat the value: it may contain a password. */
const mongoUri = z.string().superRefine((uri, context) => {
  const message = problemOfMongoUri(uri);
  if (message !== null) context.addIssue({ code: 'custom', message });
});

const redisUrl = z.string().superRefine((url, context) => {
  try {
    parseAddress(url);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** What keys of Redis begin with. */
const keyText = z.string().regex(/^[\w.:-]{1,100}$/, 'must be 1 to 100 letters, digits or any of . : _ -');

/** Shorter secrets can be guessed from a single token. */
const MIN_SECRET_BYTES = 32;

/** Every variable that the gateway reads, with its default and its bounds. `.env.example` lists the same ones. */
export const variables = {
  ENGINE: oneOf('embedded', 'distributed').optional(),
  HOST: listenHost.default('127.0.0.1'),
  PORT: integer(3000, 0, 65_535),
  DATA_DIR: text().default('./data'),
  AUTH: oneOf('none', 'jwt').optional(),
  JWT_SECRET: z
    .string()
    .max(4096, 'must have at most 4096 characters')
    .refine(
      (secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES,
      `must have at least ${MIN_SECRET_BYTES} bytes`,
    )
    .optional(),
  JWKS_URL: httpUrl({ hasQuery: true }).optional(),
  JWT_ISSUER: text().optional(),
  JWT_AUDIENCE: text().optional(),
  REVOCATION_CHECK_MS: integer(5_000, 10, 60_000),
  TRUSTED_PROXIES: networks.default([]),
  CORS_ORIGINS: origins.default([]),
  ALLOWED_HOSTS: hosts.default([]),
  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),

  MONGODB_URI: mongoUri.optional(),
  REDIS_URL: redisUrl.optional(),
  KEY_PREFIX: keyText.default('verigate:'),
  SOCKET_IO_KEY: keyText.default('socket.io'),

  VALIDATOR_URL: httpUrl({ hasQuery: false }).optional(),
  VALIDATOR_API_KEY: headerText().optional(),
  VALIDATOR_USER_ID: headerText(255).default('verigate'),
  VALIDATOR_TIMEOUT_MS: integer(30_000, 10, HOUR_MS),
  VALIDATOR_MAX_FAILURES: integer(5, 1, 1000),
  VALIDATOR_PAUSE_MS: integer(10_000, 10, HOUR_MS),
  IDEMPOTENCY_TTL_MS: integer(DAY_MS, 1000, 30 * DAY_MS),
  VALIDATOR_SLICE: integer(10_000, 1, 100_000),
  SUBMISSION_LEASE_MS: integer(15_000, 100, HOUR_MS),
  SUBMISSION_RETRY_MS: integer(1_000, 10, HOUR_MS),
  SUBMISSION_MAX_RETRY_MS: integer(60_000, 10, DAY_MS),
  MAX_EMAILS_PER_VALIDATION: integer(100_000, 1, 10_000_000),

  WEBHOOKS_ALLOW_PRIVATE: flag,
  MAX_WEBHOOKS: integer(20, 0, 10_000),
  MAX_WEBHOOK_DELIVERIES: integer(1_000_000, 1, 10_000_000),
  WEBHOOK_TIMEOUT_MS: integer(15_000, 100, 120_000),
  WEBHOOK_RETRY_MS: integer(5_000, 10, HOUR_MS),
  WEBHOOK_GIVE_UP_MS: integer(3 * DAY_MS, 0, 30 * DAY_MS),
  MAX_LIST_BYTES: integer(64 * MIB, KIB, 4096 * MIB),
  MAX_LIST_ROWS: integer(1_000_000, 1, 100_000_000),
  MAX_LIST_COLUMNS: integer(1_000, 1, 16_384),
  MAX_LIST_CELL: integer(64 * KIB, 256, 16 * MIB),
  MAX_LIST_ROW: integer(MIB, KIB, 64 * MIB),
  MAX_UNPACKED_BYTES: integer(1024 * MIB, KIB, 16 * 1024 * MIB),
  MAX_UNPACKED_RATIO: integer(100, 2, 1_032),
  MAX_SHARED_BYTES: integer(128 * MIB, KIB, 4096 * MIB),
  MAX_WAITING_LISTS: integer(100, 1, 1_000_000),
  MAX_UPLOADS: integer(4, 1, 1000),
  MAX_UPLOADS_PER_CALLER: integer(3, 1, 1000),
  MAX_LIST_THREADS: integer(2, 0, 64),
  LIST_TTL_MS: integer(HOUR_MS, 10, 30 * DAY_MS),

  FLUSH_INTERVAL_MS: integer(100, 0, 60_000),
  EMAILS_PER_EVENT: integer(500, 1, 10_000),
  FEED_HISTORY: integer(1000, 0, 1_000_000),
  FEED_HISTORY_BYTES: integer(4 * MIB, 0, 1024 * MIB),
  FEED_HISTORY_TOTAL_BYTES: integer(64 * MIB, 0, 64 * 1024 * MIB),
  FEED_TTL_MS: integer(600_000, 1, DAY_MS),
  STALL_AFTER_MS: integer(120_000, 10, DAY_MS),
  QUEUE_STALL_AFTER_MS: integer(900_000, 10, 7 * DAY_MS),
  HELD_TTL_MS: integer(DAY_MS, 1, 30 * DAY_MS),
  MAX_HELD_BYTES: integer(256 * MIB, 0, 1024 * 1024 * MIB),
  DEAD_LETTER_TTL_MS: integer(7 * DAY_MS, 1, 365 * DAY_MS),
  MAX_DEAD_LETTER_BYTES: integer(64 * MIB, 64 * KIB, 1024 * 1024 * MIB),

  MAX_UPDATE_BYTES: integer(8 * MIB, KIB, 256 * MIB),
  MAX_BODY_BYTES: integer(16 * MIB, KIB, 1024 * MIB),
  MAX_BODIES_BYTES: integer(128 * MIB, KIB, 64 * 1024 * MIB),
  MAX_PENDING_BYTES: integer(64 * MIB, KIB, 4096 * MIB),
  MAX_REMEMBERED_BYTES: integer(32 * MIB, 0, 4096 * MIB),
  MAX_EXPORTS: integer(16, 1, 1000),
  MAX_EXPORTS_PER_CALLER: integer(8, 1, 1000),
  EXPORT_IDLE_MS: integer(60_000, 100, HOUR_MS),
  MAX_PAGE_BYTES: integer(8 * MIB, 64 * KIB, 256 * MIB),
  MAX_UNREAD_BYTES: integer(128 * MIB, MIB, 64 * 1024 * MIB),

  MAX_INLET_BYTES: integer(64 * MIB, KIB, 4096 * MIB),
  MAX_DELIVERIES: integer(5, 1, 1000),
  CLAIM_TTL_MS: integer(30_000, 1000, HOUR_MS),
  STREAM_IDLE_MS: integer(30_000, 1000, HOUR_MS),
  STREAM_SHARDS: integer(1, 1, 64),

  COMPRESSION: flagThatIsOn,
  MAX_HEADER_BYTES: integer(16 * KIB, KIB, MIB),
  HEADERS_TIMEOUT_MS: integer(10_000, 100, HOUR_MS),
  REQUEST_TIMEOUT_MS: integer(120_000, 100, HOUR_MS),
  ANSWER_WITHIN_MS: integer(8_000, 1, HOUR_MS),
  MAX_PIPELINED_REQUESTS: integer(100, 1, 100_000),
  MAX_COSTLY_REQUESTS_PER_MINUTE: integer(3_000, 1, 1_000_000),

  MAX_CONNECTIONS: integer(20_000, 1, 1_000_000),
  MAX_CONNECTIONS_PER_ADDRESS: integer(10_000, 1, 1_000_000),
  MAX_HANDSHAKES_PER_SECOND: integer(5_000, 1, 1_000_000),
  HANDSHAKE_TIMEOUT_MS: integer(10_000, 100, HOUR_MS),
  MAX_SUBSCRIPTIONS_PER_SOCKET: integer(100, 1, 100_000),
  MAX_SUBSCRIPTIONS: integer(200_000, 2, 100_000_000),
  MAX_FOLLOWED_FILES: integer(40_000, 2, 10_000_000),
  MAX_EVENTS_PER_SECOND: integer(50, 1, 100_000),
  MAX_FRAMES_PER_SECOND: integer(1_000, 10, 1_000_000),
  MAX_SOCKET_PAYLOAD_BYTES: integer(64 * KIB, KIB, 64 * MIB),
  MAX_BUFFERED_BYTES: integer(MIB, KIB, 1024 * MIB),

  RETENTION_DAYS: integer(0, 0, 36_500),

  PROBE_INTERVAL_MS: integer(2_000, 50, 5_000),
  DISK_RESERVE_BYTES: integer(8 * MIB, 0, 1024 * MIB),

  SHUTDOWN_TIMEOUT_MS: integer(10_000, 100, HOUR_MS),
} satisfies Record<string, z.ZodType>;

export type Config = Omit<z.infer<typeof schema>, 'ENGINE' | 'AUTH'> & {
  readonly ENGINE: 'embedded' | 'distributed';
  readonly AUTH: 'none' | 'jwt';
};

const schema = z.object(variables);

/**
 * Reads the configuration from environment variables, all of it at once. An empty variable counts as not set.
 * @throws FatalError naming every variable that is wrong
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const values = Object.fromEntries(
    Object.keys(variables)
      .map((name) => [name, env[name]])
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    throw configError(...parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`));
  }
  const config = parsed.data;
  return { ...config, ENGINE: engineOf(config), AUTH: authOf(config) };
}

const configError = (...reasons: string[]) =>
  new FatalError(`wrong configuration: ${reasons.join('; ')}`, EXIT_CONFIG);

type ParsedVariables = z.infer<typeof schema>;

function engineOf({ ENGINE, MONGODB_URI, REDIS_URL }: ParsedVariables): Config['ENGINE'] {
  const missing = Object.entries({ MONGODB_URI, REDIS_URL }).filter(([, address]) => address === undefined);
  // One without the other is a mistake, whichever engine is set.
  if (missing.length === 1 || (missing.length === 2 && ENGINE === 'distributed')) {
    throw configError(
      `${missing[0]?.[0]}: is not set; the distributed engine needs both MONGODB_URI and REDIS_URL`,
    );
  }
  return ENGINE ?? (missing.length === 0 ? 'distributed' : 'embedded');
}

function authOf(parsed: ParsedVariables): Config['AUTH'] {
  const { AUTH, HOST } = parsed;
  if (AUTH === 'jwt') checkTokenKeys(parsed);
  if (AUTH === undefined && !isLoopback(HOST)) {
    throw configError(
      `AUTH: is not set, and HOST is not loopback: anyone who reaches it could read every file. Set AUTH by hand`,
    );
  }
  return AUTH ?? 'none';
}

/** Tokens are verified with a secret or with a JWKS, not with both. */
function checkTokenKeys({ JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE }: ParsedVariables): void {
  if (JWT_SECRET === undefined && JWKS_URL === undefined)
    throw configError(
      'JWT_SECRET: is not set; AUTH=jwt needs it, or JWKS_URL with JWT_ISSUER and JWT_AUDIENCE',
    );
  if (JWT_SECRET !== undefined && JWKS_URL !== undefined)
    throw configError('JWKS_URL: is set beside JWT_SECRET; tokens are checked by one of them');
  if (JWKS_URL === undefined) return;
  // The same keys sign tokens for other services: without issuer and audience, those would be accepted here.
  if (JWT_ISSUER === undefined) throw configError('JWT_ISSUER: is not set; JWKS_URL needs it');
  if (JWT_AUDIENCE === undefined) throw configError('JWT_AUDIENCE: is not set; JWKS_URL needs it');
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return (
    bare === 'localhost' || (isIPv4(bare) && bare.startsWith('127.')) || (isIPv6(bare) && bare === '::1')
  );
}
