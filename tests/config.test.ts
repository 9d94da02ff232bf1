import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { unknownVariables } from '../src/config/unknown-variables.js';
import { isLoopback, readConfig, variables } from '../src/config.js';
import { EXIT_CONFIG, FatalError } from '../src/errors.js';

function refusal(env: NodeJS.ProcessEnv): FatalError {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof FatalError) return error;
    throw error;
  }
  throw new Error(`it was taken: ${JSON.stringify(env)}`);
}

/** The refusal's words; none where it was taken. */
function saidOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
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
  'http:/example.com',
  'http://example.com:0',
  'http://example.com:65536',
  'http://jane:hunter2@example.com',
  'http://hunter2@example.com',
  'http://exam ple.com',
  'http://example.com/#hunter2',
];
/** A blank or a line break that came along from a file. */
const UNCLEAN = [' hunter2', 'hunter2 ', 'hunter2\n', 'hun\tter2', 'x'.repeat(4097)];
const CREDENTIALS = [
  'mongodb://jane:hunter2@x@db.example.com/verigate',
  'mongodb://jane:hunter2/x@db.example.com/verigate',
  'mongodb://jane:hunter2#x@db.example.com/verigate',
  'mongodb://jane:hunter2?x@db.example.com/verigate',
  'mongodb://jane:hunter2:x@db.example.com/verigate',
  'mongodb://jane:hunter2[x@db.example.com/verigate',
  'mongodb://jane:hunter2%x@db.example.com/verigate',
  'mongodb://jane:hunter2%ff@db.example.com/verigate',
  'mongodb://@db.example.com/verigate',
  'mongodb://:hunter2@db.example.com/verigate',
];

/** Each variable with values that it may not have. */
const WRONG: Record<Name, readonly string[]> = {
  ENGINE: ['Embedded', 'sqlite', ' '],
  HOST: [
    '127.0.0.1:3000',
    'http://127.0.0.1',
    '[::1]:3000',
    '[127.0.0.1',
    '256.0.0.1',
    '10.0.0',
    '*',
    'a b',
    ' localhost',
    '-a',
    'a..b',
    '/run/verigate.sock',
  ],
  PORT: [...NO_WHOLE_NUMBER, '65536', '99999'],
  DATA_DIR: UNCLEAN,
  AUTH: ['None', 'basic', 'true'],
  JWT_SECRET: ['secret', 'x'.repeat(31), 'x'.repeat(4097)],
  JWKS_URL: NO_HTTP_URL,
  JWT_ISSUER: UNCLEAN,
  JWT_AUDIENCE: UNCLEAN,
  REVOCATION_CHECK_MS: [...NO_WHOLE_NUMBER, '9', '60001'],
  TRUSTED_PROXIES: [
    'proxy.example',
    '10.0.0.0/33',
    '10.0.0',
    '10.0.0.1;10.0.0.2',
    'true',
    '10.0.0.1,',
    '10.0.0.1,,::1',
    ',',
  ],
  CORS_ORIGINS: [
    'example.com',
    'https://a.example, b.example',
    '*.example.com',
    'https://*.example.com',
    'https://*',
    'https://a.example:*',
    'ftp://a.example',
    'https://a.example,',
    'https://a.example,,https://b.example',
    'https://a.example;https://b.example',
    'https://jane:hunter2@a.example',
    'https://a.example:0',
    'https:/a.example',
    'null',
  ],
  ALLOWED_HOSTS: [
    'http://a.example',
    'a.example/path',
    'a b.example',
    '*.*.example',
    'a.*.example',
    '*.10.0.0.1',
    '*.',
    'a..example',
    'a.example:65536',
    'a.example:http',
    '10.0.0.0/33',
    'fd00::/129',
    '[fd00::5',
    'me@a.example',
  ],
  LOG_LEVEL: ['INFO', 'verbose', '3'],
  MONGODB_URI: [
    ...CREDENTIALS,
    'localhost:27017',
    'http://127.0.0.1',
    'mongodb:/db.example.com',
    'mongodb://',
    'mongodb:///nowhere',
    'mongodb://db.example.com:0',
    'mongodb://db.example.com:65536',
    'mongodb://db.example.com:port',
    'mongodb://db.example.com:',
    'mongodb://db.example.com,',
    'mongodb://::1/verigate',
    'mongodb://[::1/verigate',
    'mongodb://300.0.0.1',
    'mongodb://db.example.com/a.b',
    `mongodb://db.example.com/${'d'.repeat(64)}`,
    'mongodb://db.example.com/verigate?replicaSet',
    'mongodb://db.example.com/verigate?w=majority&&',
    'mongodb://db.example.com /verigate',
    'mongodb+srv://db.example.com:27017',
    'mongodb+srv://a.example.com,b.example.com',
    'mongodb+srv://localhost',
  ],
  REDIS_URL: ['localhost:6379', 'http://127.0.0.1', 'redis:///nowhere'],
  KEY_PREFIX: ['a b', '{x}', 'é', 'x'.repeat(101)],
  VALIDATOR_URL: [...NO_HTTP_URL, 'http://example.com/?key=hunter2'],
  VALIDATOR_API_KEY: [...UNCLEAN, 'ключ', 'k\u0000'],
  VALIDATOR_USER_ID: [...UNCLEAN, '   ', 'ключ', 'x'.repeat(256)],
  SOCKET_IO_KEY: ['a b', 'a#b', 'é', 'x'.repeat(101)],
  VALIDATOR_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  VALIDATOR_MAX_FAILURES: [...NO_WHOLE_NUMBER, '0', '1001'],
  VALIDATOR_PAUSE_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  IDEMPOTENCY_TTL_MS: [...NO_WHOLE_NUMBER, '999', '2592000001'],
  VALIDATOR_SLICE: [...NO_WHOLE_NUMBER, '0', '100001'],
  SUBMISSION_LEASE_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  SUBMISSION_RETRY_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  SUBMISSION_MAX_RETRY_MS: [...NO_WHOLE_NUMBER, '9', '86400001'],
  MAX_EMAILS_PER_VALIDATION: [...NO_WHOLE_NUMBER, '0', '10000001'],
  WEBHOOKS_ALLOW_PRIVATE: ['yes', '1', 'TRUE'],
  COMPRESSION: ['on', '1', 'TRUE'],
  MAX_WEBHOOKS: [...NO_WHOLE_NUMBER, '10001'],
  MAX_WEBHOOK_DELIVERIES: [...NO_WHOLE_NUMBER, '0', '10000001'],
  WEBHOOK_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '120001'],
  WEBHOOK_RETRY_MS: [...NO_WHOLE_NUMBER, '9', '3600001'],
  WEBHOOK_GIVE_UP_MS: [...NO_WHOLE_NUMBER, '2592000001'],
  MAX_LIST_BYTES: [...NO_WHOLE_NUMBER, '1023', '4294967297'],
  MAX_LIST_ROWS: [...NO_WHOLE_NUMBER, '0', '100000001'],
  MAX_LIST_COLUMNS: [...NO_WHOLE_NUMBER, '0', '16385'],
  MAX_LIST_CELL: [...NO_WHOLE_NUMBER, '255', '16777217'],
  MAX_LIST_ROW: [...NO_WHOLE_NUMBER, '1023', '67108865'],
  MAX_UNPACKED_BYTES: [...NO_WHOLE_NUMBER, '1023', '17179869185'],
  MAX_UNPACKED_RATIO: ['1', '1033', '2.5'],
  MAX_SHARED_BYTES: [...NO_WHOLE_NUMBER, '1023', '4294967297'],
  MAX_WAITING_LISTS: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_UPLOADS: [...NO_WHOLE_NUMBER, '0', '1001'],
  MAX_UPLOADS_PER_CALLER: [...NO_WHOLE_NUMBER, '0', '1001'],
  MAX_LIST_THREADS: [...NO_WHOLE_NUMBER, '-1', '65'],
  LIST_TTL_MS: [...NO_WHOLE_NUMBER, '9', '2592000001'],
  FLUSH_INTERVAL_MS: [...NO_WHOLE_NUMBER, '60001'],
  EMAILS_PER_EVENT: [...NO_WHOLE_NUMBER, '0', '10001'],
  FEED_HISTORY: [...NO_WHOLE_NUMBER, '1000001'],
  FEED_HISTORY_BYTES: [...NO_WHOLE_NUMBER, '1073741825'],
  FEED_HISTORY_TOTAL_BYTES: [...NO_WHOLE_NUMBER, '68719476737'],
  FEED_TTL_MS: [...NO_WHOLE_NUMBER, '0', '86400001'],
  STALL_AFTER_MS: [...NO_WHOLE_NUMBER, '9', '86400001'],
  QUEUE_STALL_AFTER_MS: [...NO_WHOLE_NUMBER, '9', '604800001'],
  HELD_TTL_MS: [...NO_WHOLE_NUMBER, '0', '2592000001'],
  MAX_HELD_BYTES: [...NO_WHOLE_NUMBER, '1099511627777'],
  DEAD_LETTER_TTL_MS: [...NO_WHOLE_NUMBER, '0', '31536000001'],
  MAX_DEAD_LETTER_BYTES: [...NO_WHOLE_NUMBER, '65535', '1099511627777'],
  MAX_UPDATE_BYTES: [...NO_WHOLE_NUMBER, '1023', '268435457'],
  MAX_BODY_BYTES: [...NO_WHOLE_NUMBER, '1023', '1073741825'],
  MAX_BODIES_BYTES: [...NO_WHOLE_NUMBER, '1023', '68719476737'],
  MAX_PENDING_BYTES: [...NO_WHOLE_NUMBER, '1023', '4294967297'],
  MAX_REMEMBERED_BYTES: [...NO_WHOLE_NUMBER, '4294967297'],
  MAX_EXPORTS: [...NO_WHOLE_NUMBER, '0', '1001'],
  MAX_EXPORTS_PER_CALLER: [...NO_WHOLE_NUMBER, '0', '1001'],
  EXPORT_IDLE_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  MAX_PAGE_BYTES: [...NO_WHOLE_NUMBER, '65535', '268435457'],
  MAX_UNREAD_BYTES: [...NO_WHOLE_NUMBER, '1048575', '68719476737'],
  MAX_INLET_BYTES: [...NO_WHOLE_NUMBER, '1023', '4294967297'],
  MAX_DELIVERIES: [...NO_WHOLE_NUMBER, '0', '1001'],
  CLAIM_TTL_MS: [...NO_WHOLE_NUMBER, '999', '3600001'],
  STREAM_IDLE_MS: [...NO_WHOLE_NUMBER, '999', '3600001'],
  STREAM_SHARDS: [...NO_WHOLE_NUMBER, '0', '65'],
  MAX_HEADER_BYTES: [...NO_WHOLE_NUMBER, '1023', '1048577'],
  HEADERS_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  REQUEST_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  ANSWER_WITHIN_MS: [...NO_WHOLE_NUMBER, '0', '3600001'],
  MAX_PIPELINED_REQUESTS: [...NO_WHOLE_NUMBER, '0', '100001'],
  MAX_COSTLY_REQUESTS_PER_MINUTE: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_CONNECTIONS_PER_ADDRESS: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_HANDSHAKES_PER_SECOND: [...NO_WHOLE_NUMBER, '0', '1000001'],
  HANDSHAKE_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
  RETENTION_DAYS: [...NO_WHOLE_NUMBER, '36501'],
  PROBE_INTERVAL_MS: [...NO_WHOLE_NUMBER, '49', '5001'],
  DISK_RESERVE_BYTES: [...NO_WHOLE_NUMBER, '1073741825'],
  MAX_CONNECTIONS: [...NO_WHOLE_NUMBER, '0', '1000001'],
  MAX_SUBSCRIPTIONS_PER_SOCKET: [...NO_WHOLE_NUMBER, '0', '100001'],
  MAX_SUBSCRIPTIONS: [...NO_WHOLE_NUMBER, '1', '100000001'],
  MAX_FOLLOWED_FILES: [...NO_WHOLE_NUMBER, '1', '10000001'],
  MAX_EVENTS_PER_SECOND: [...NO_WHOLE_NUMBER, '0', '100001'],
  MAX_FRAMES_PER_SECOND: [...NO_WHOLE_NUMBER, '9', '1000001'],
  MAX_SOCKET_PAYLOAD_BYTES: [...NO_WHOLE_NUMBER, '1023', '67108865'],
  MAX_BUFFERED_BYTES: [...NO_WHOLE_NUMBER, '1023', '1073741825'],
  SHUTDOWN_TIMEOUT_MS: [...NO_WHOLE_NUMBER, '99', '3600001'],
};

/** Each variable whose kind has forms, with values that it may have; what they are read as, where that is something else. */
const RIGHT: Partial<Record<Name, readonly (string | readonly [string, unknown])[]>> = {
  HOST: [
    '127.0.0.1',
    '::1',
    ['[::1]', '::1'],
    '0.0.0.0',
    '::',
    'localhost',
    'gateway-1.example.com',
    'my_host',
    'fe80::1%eth0',
  ],
  DATA_DIR: ['./data', '/var/lib/my gateway', 'ünï'],
  JWT_SECRET: ['x'.repeat(32), `${'x '.repeat(16)}`],
  JWKS_URL: ['https://id.example.com/keys?v=1'],
  JWT_ISSUER: ['https://id.example.com/', 'accounts'],
  TRUSTED_PROXIES: [
    ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
    ['192.0.2.1', ['192.0.2.1']],
  ],
  MONGODB_URI: [
    'mongodb://127.0.0.1',
    'mongodb://jane:h%40nter2%2F@db-1.example.com:27017,db-2.example.com/verigate?replicaSet=rs0&w=majority',
    'mongodb://jane@[2001:db8::1]:27017/?authSource=$external&authMechanism=MONGODB-X509',
    'mongodb://%2Ftmp%2Fmongodb-27017.sock/verigate',
    'mongodb+srv://jane:hunter2@cluster0.example.com/verigate?retryWrites=true',
    'mongodb://db?replicaSet=rs0',
  ],
  VALIDATOR_URL: ['http://127.0.0.1:8000/api/v1', 'https://validator.example.com', 'http://[::1]:8000/'],
  VALIDATOR_API_KEY: ['k', 'a key, with ~ and !'],
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

  it.each(Object.entries(RIGHT))('takes %s in every form that works', (name, values) => {
    const others: NodeJS.ProcessEnv = { AUTH: 'none', MONGODB_URI: 'mongodb://x', REDIS_URL: 'redis://x' };
    for (const value of values) {
      const [given, read] = typeof value === 'string' ? [value, value] : value;
      expect(readConfig({ ...others, [name]: given })[name as Name]).toEqual(read);
    }
  });

  it('repeats no part of a secret, whichever variable it was put into', () => {
    for (const [name, values] of Object.entries(WRONG)) {
      for (const value of [...values, ...CREDENTIALS])
        expect(saidOf({ [name]: value })).not.toContain('hunter2');
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
      ALLOWED_HOSTS: [],
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
      MAX_SUBSCRIPTIONS: 200_000,
      MAX_FOLLOWED_FILES: 40_000,
      MAX_EMAILS_PER_VALIDATION: 100_000,
      SHUTDOWN_TIMEOUT_MS: 10_000,
    });
    expect(readConfig({}).VALIDATOR_URL).toBeUndefined();
  });

  it('reads origins as browsers send them', () => {
    const origins = (list: string) => readConfig({ CORS_ORIGINS: list }).CORS_ORIGINS;
    expect(origins('https://a.example')).toEqual(['https://a.example']);
    expect(origins(' https://a.example , http://127.0.0.1:8080,*')).toEqual([
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

describe('variables that are not known', () => {
  const found = (...names: string[]) =>
    unknownVariables(Object.fromEntries(names.map((name) => [name, 'x'])), Object.keys(variables));

  it('are found where they look like ours, with the one that was meant', () => {
    expect(
      found('MAX_CONECTIONS', 'FLUSH_INTERVAL', 'port', 'VERIGATE_SIZE', 'MONGODB_URL', 'FEED_SIZE'),
    ).toEqual([
      { name: 'MAX_CONECTIONS', like: 'MAX_CONNECTIONS' },
      { name: 'FLUSH_INTERVAL', like: null },
      { name: 'port', like: 'PORT' },
      { name: 'VERIGATE_SIZE', like: null },
      { name: 'MONGODB_URL', like: 'MONGODB_URI' },
      { name: 'FEED_SIZE', like: null },
    ]);
  });

  it('are no business of ours where other programs have them', () => {
    const others = [
      'PATH',
      'HOSTNAME',
      'HOME',
      'NODE_ENV',
      'NODE_OPTIONS',
      'LOGNAME',
      'PWD',
      'TZ',
      'MAX_JOBS',
    ];
    const services = ['VERIGATE_SERVICE_HOST', 'VERIGATE_PORT_3000_TCP_ADDR', 'VALIDATOR_SERVICE_PORT_HTTP'];
    expect(found(...others, ...services, ...Object.keys(variables))).toEqual([]);
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
