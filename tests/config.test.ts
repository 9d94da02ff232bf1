import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { EXIT_CONFIG, isLoopback, readConfig, variables } from '../src/config.js';
import { FatalError } from '../src/errors.js';

function refusal(env: NodeJS.ProcessEnv): FatalError {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof FatalError) return error;
    throw error;
  }
  throw new Error(`it was taken: ${JSON.stringify(env)}`);
}

type Name = keyof typeof variables;

/** Values that no variable of a kind may have. */
const NO_WHOLE_NUMBER = [
  '-1',
  '1.5',
  '5.0',
  '1e3',
  ' 5',
  '5 ',
  '+5',
  '0x10',
  'five',
  '9'.repeat(16),
  '١',
  'NaN',
];
const NO_HTTP_URL = [
  'example.com',
  'ftp://example.com',
  'javascript:alert(1)',
  'http://',
  '//example.com',
  'redis://x',
];

/** Each variable with values that it may not have. */
const WRONG: Record<Name, readonly string[]> = {
  ENGINE: ['Embedded', 'sqlite', ' '],
  HOST: [],
  PORT: [...NO_WHOLE_NUMBER, '65536', '99999'],
  DATA_DIR: [],
  AUTH: ['None', 'basic', 'true'],
  JWT_SECRET: ['secret', 'x'.repeat(31), 'x'.repeat(4097)],
  JWKS_URL: NO_HTTP_URL,
  JWT_ISSUER: [],
  JWT_AUDIENCE: [],
  TRUSTED_PROXIES: ['proxy.example', '10.0.0.0/33', '10.0.0', '10.0.0.1;10.0.0.2', 'true'],
  CORS_ORIGINS: ['example.com', 'https://a.example, b.example', '*.example.com', 'ftp://a.example'],
  LOG_LEVEL: ['INFO', 'verbose', '3'],
  MONGODB_URI: ['localhost:27017', 'http://127.0.0.1', 'mongodb:///nowhere'],
  REDIS_URL: ['localhost:6379', 'http://127.0.0.1', 'redis:///nowhere'],
  KEY_PREFIX: ['a b', '{x}', 'é', 'x'.repeat(101)],
  VALIDATOR_URL: NO_HTTP_URL,
  VALIDATOR_API_KEY: [],
  VALIDATOR_USER_ID: ['x'.repeat(256)],
  VALIDATOR_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  VALIDATOR_MAX_FAILURES: [...NO_WHOLE_NUMBER, '0', '1001'],
  VALIDATOR_PAUSE_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  IDEMPOTENCY_TTL_MS: [...NO_WHOLE_NUMBER, '999', '2592000001'],
  MAX_EMAILS_PER_VALIDATION: [...NO_WHOLE_NUMBER, '0', '10000001'],
  WEBHOOKS_ALLOW_PRIVATE: ['yes', '1', 'TRUE'],
  MAX_WEBHOOKS: [...NO_WHOLE_NUMBER, '10001'],
  WEBHOOK_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '120001'],
  WEBHOOK_RETRY_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  WEBHOOK_GIVE_UP_MS: [...NO_WHOLE_NUMBER, '2592000001'],
  FLUSH_INTERVAL_MS: [...NO_WHOLE_NUMBER, '60001'],
  EMAILS_PER_EVENT: [...NO_WHOLE_NUMBER, '0', '10001'],
  FEED_HISTORY: [...NO_WHOLE_NUMBER, '1000001'],
  FEED_HISTORY_BYTES: [...NO_WHOLE_NUMBER, '1073741825'],
  FEED_TTL_MS: [...NO_WHOLE_NUMBER, '0', '86400001'],
  STALL_AFTER_MS: [...NO_WHOLE_NUMBER, '9', '86400001'],
  QUEUE_STALL_AFTER_MS: [...NO_WHOLE_NUMBER, '9', '604800001'],
  HELD_TTL_MS: [...NO_WHOLE_NUMBER, '0', '2592000001'],
  MAX_HELD_BYTES: [...NO_WHOLE_NUMBER, '1099511627777'],
  DEAD_LETTER_TTL_MS: [...NO_WHOLE_NUMBER, '0', '31536000001'],
  MAX_DEAD_LETTER_BYTES: [...NO_WHOLE_NUMBER, '65535', '1099511627777'],
  MAX_UPDATE_BYTES: [...NO_WHOLE_NUMBER, '1023', '268435457'],
  MAX_BODY_BYTES: [...NO_WHOLE_NUMBER, '1023', '1073741825'],
  MAX_PENDING_BYTES: [...NO_WHOLE_NUMBER, '1023', '4294967297'],
  MAX_REMEMBERED_BYTES: [...NO_WHOLE_NUMBER, '4294967297'],
  MAX_EXPORTS: [...NO_WHOLE_NUMBER, '0', '1001'],
  MAX_INLET_BYTES: [...NO_WHOLE_NUMBER, '1023', '4294967297'],
  MAX_DELIVERIES: [...NO_WHOLE_NUMBER, '0', '1001'],
  CLAIM_TTL_MS: [...NO_WHOLE_NUMBER, '999', '3600001'],
  STREAM_IDLE_MS: [...NO_WHOLE_NUMBER, '999', '3600001'],
  MAX_HEADER_BYTES: [...NO_WHOLE_NUMBER, '1023', '1048577'],
  HEADERS_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  REQUEST_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  MAX_COSTLY_REQUESTS_PER_MINUTE: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_CONNECTIONS_PER_ADDRESS: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_HANDSHAKES_PER_SECOND: [...NO_WHOLE_NUMBER, '0', '1000001'],
  HANDSHAKE_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  RETENTION_DAYS: [...NO_WHOLE_NUMBER, '36501'],
  MAX_CONNECTIONS: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_SUBSCRIPTIONS_PER_SOCKET: [...NO_WHOLE_NUMBER, '0', '100001'],
  MAX_EVENTS_PER_SECOND: [...NO_WHOLE_NUMBER, '0', '100001'],
  MAX_SOCKET_PAYLOAD_BYTES: [...NO_WHOLE_NUMBER, '1023', '67108865'],
  MAX_BUFFERED_BYTES: [...NO_WHOLE_NUMBER, '1023', '1073741825'],
  SHUTDOWN_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
};

const named = (name: string): RegExp => new RegExp(`\\b${name}: `);

describe('the configuration', () => {
  it.each(Object.entries(WRONG))('names %s where it is wrong, and ends with code 78', (name, values) => {
    for (const value of values) {
      const { message, exitCode } = refusal({ [name]: value });
      expect(exitCode).toBe(EXIT_CONFIG);
      expect(exitCode).toBe(78);
      expect(message).toMatch(named(name));
      // A connection string or a key holds a password. Names of engines are words of the message.
      if (value.length > 3 && name !== 'ENGINE') expect(message).not.toContain(value);
    }
  });

  it('names every variable that is wrong at once', () => {
    const { message } = refusal({ PORT: 'x', STALL_AFTER_MS: '-1', LOG_LEVEL: 'loud', HOST: 'localhost' });
    for (const name of ['PORT', 'STALL_AFTER_MS', 'LOG_LEVEL']) expect(message).toMatch(named(name));
    expect(message).not.toMatch(named('HOST'));
  });

  it('takes the bounds themselves', () => {
    const bounds: [Name, string, string][] = [
      ['PORT', '0', '65535'],
      ['FLUSH_INTERVAL_MS', '0', '60000'],
      ['EMAILS_PER_EVENT', '1', '10000'],
      ['FEED_HISTORY', '0', '1000000'],
      ['MAX_UPDATE_BYTES', '1024', '268435456'],
      ['SHUTDOWN_TIMEOUT_MS', '100', '3600000'],
    ];
    for (const [name, least, most] of bounds) {
      expect(readConfig({ [name]: least })[name]).toBe(Number(least));
      expect(readConfig({ [name]: most })[name]).toBe(Number(most));
    }
  });

  it('takes an empty variable for one that is not set, and knows no others', () => {
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, '']));
    expect(readConfig(empty)).toEqual(readConfig({}));
    expect(readConfig({ PATH: '/bin', VERIGATE_PORT: '1', port: '2', Port: '3' })).toEqual(readConfig({}));
  });

  it('has the defaults that the contract names', () => {
    expect(readConfig({})).toMatchObject({
      ENGINE: 'embedded',
      HOST: '127.0.0.1',
      PORT: 3000,
      DATA_DIR: './data',
      AUTH: 'none',
      CORS_ORIGINS: [],
      FLUSH_INTERVAL_MS: 100,
      STALL_AFTER_MS: 120_000,
      QUEUE_STALL_AFTER_MS: 900_000,
      FEED_HISTORY: 1_000,
      FEED_HISTORY_BYTES: 4 * 2 ** 20,
      FEED_TTL_MS: 600_000,
      EMAILS_PER_EVENT: 500,
      MAX_UPDATE_BYTES: 8 * 2 ** 20,
      MAX_BUFFERED_BYTES: 2 ** 20,
      MAX_SOCKET_PAYLOAD_BYTES: 64 * 1024,
      MAX_SUBSCRIPTIONS_PER_SOCKET: 100,
      MAX_EMAILS_PER_VALIDATION: 100_000,
      SHUTDOWN_TIMEOUT_MS: 10_000,
    });
    expect(readConfig({}).VALIDATOR_URL).toBeUndefined();
  });

  it('reads origins as browsers send them', () => {
    const origins = (list: string) => readConfig({ CORS_ORIGINS: list }).CORS_ORIGINS;
    expect(origins('https://a.example')).toEqual(['https://a.example']);
    expect(origins(' https://a.example , http://127.0.0.1:8080,,*')).toEqual([
      'https://a.example',
      'http://127.0.0.1:8080',
      '*',
    ]);
    expect(origins('https://A.Example/, https://b.example:443/app')).toEqual([
      'https://a.example',
      'https://b.example',
    ]);
  });

  it('refuses to listen on a public address without AUTH', () => {
    for (const HOST of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      'verigate.example',
      '127.0.0.1.example',
      '::ffff:10.0.0.1',
    ]) {
      expect(refusal({ HOST }).message).toMatch(named('AUTH'));
      expect(readConfig({ HOST, AUTH: 'none' }).AUTH).toBe('none');
    }
    for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1', '[::1]']) {
      expect(readConfig({ HOST }).AUTH).toBe('none');
      expect(isLoopback(HOST)).toBe(true);
    }
  });
});

describe('.env.example', () => {
  const text = readFileSync('.env.example', 'utf8');
  const values = parseEnv(text);

  it('lists every variable, and no other', () => {
    expect(Object.keys(values).sort()).toEqual(Object.keys(variables).sort());
  });

  it('gives each its default', () => {
    expect(readConfig(values)).toEqual(readConfig({}));
    const defaults: Record<string, unknown> = { ...readConfig({}) };
    for (const [name, value] of Object.entries(values)) {
      const isChosen = name === 'ENGINE' || name === 'AUTH';
      const wanted = isChosen || Array.isArray(defaults[name]) ? '' : String(defaults[name] ?? '');
      expect(`${name}=${value}`).toBe(`${name}=${wanted}`);
    }
  });

  it('says of each in a line what it is', () => {
    const lines = text.split('\n');
    for (const name of Object.keys(variables)) {
      const at = lines.findIndex((line) => line.startsWith(`${name}=`));
      expect(lines[at - 1]).toMatch(/^# [A-Z].*\.$/);
      if (/_MS$/.test(name)) expect(lines[at - 1]).toContain('milliseconds');
      if (/_BYTES$/.test(name)) expect(lines[at - 1]).toMatch(/bytes/);
    }
  });
});
