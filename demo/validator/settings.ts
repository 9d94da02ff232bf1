/** The settings of the simulated validator, and the options made of them. */
import { UsageError, type Values } from '../cli/settings.js';
import {
  basePath,
  headerText,
  hostName,
  httpUrl,
  integerIn,
  numberIn,
  redisUrl,
  share,
  text,
  yes,
} from '../cli/values.js';
import { DEFAULTS, type Faults, NO_FAULTS, type ValidatorOptions } from './options.js';

const fault = (variable: string, help: string) => ({
  variable,
  value: 'share',
  help,
  fallback: 0,
  read: share,
});

export const FAULT_SETTINGS = {
  repeat: fault('SIM_REPEAT', 'batches whose updates come twice'),
  restart: fault('SIM_RESTART', 'batches that begin again from nothing in the middle'),
  hole: fault('SIM_HOLE', 'batches that are complete without one of their addresses'),
  silence: fault('SIM_SILENCE', 'batches that stop in the middle and never end'),
  gap: fault('SIM_GAP', 'batches of whose updates every other one is not published'),
  rerun: fault('SIM_RERUN', 'batches that are worked through once more after they were complete'),
  rivals: fault('SIM_RIVALS', 'batches that two workers work at'),
  shuffle: fault('SIM_SHUFFLE', 'batches whose updates overtake each other'),
  surrogate: fault('SIM_SURROGATE', 'rejected addresses whose reason is no well-formed text'),
  mute: fault('SIM_MUTE', 'submissions that are queued and never answered'),
  torn: fault('SIM_TORN', 'submissions whose answer breaks off in the middle'),
  error: fault('SIM_ERROR', 'submissions that are queued, and answered with an error'),
  lost: fault('SIM_LOST', 'submissions that are accepted, and never worked at'),
  down: fault('SIM_DOWN', 'submissions that are refused, as while the service is down'),
};

/** Settings that the demo and the validator's own program share. */
export const WORK_SETTINGS = {
  rate: {
    variable: 'SIM_RATE',
    value: 'n',
    help: 'addresses a second, all workers together; 0: as fast as it goes',
    fallback: DEFAULTS.rate,
    read: numberIn(0, 1_000_000),
  },
  workers: {
    variable: 'SIM_WORKERS',
    value: 'n',
    help: 'batches side by side',
    fallback: DEFAULTS.workers,
    read: integerIn(1, 1000),
  },
  every: {
    variable: 'SIM_EVERY',
    value: 'n',
    help: 'addresses from one update of a batch to the next',
    fallback: DEFAULTS.publishEvery,
    read: integerIn(1, 1_000_000),
  },
  'answer-delay': {
    variable: 'SIM_ANSWER_DELAY',
    value: 'ms',
    help: 'from taking a submission to answering it; updates do not wait for that',
    fallback: DEFAULTS.answerDelayMs,
    read: integerIn(0, 60_000),
  },
  seed: {
    variable: 'SIM_SEED',
    value: 'text',
    help: 'chooses the batches that go wrong',
    fallback: DEFAULTS.seed,
    read: text,
  },
};

export const SERVER_SETTINGS = {
  host: {
    variable: 'SIM_HOST',
    value: 'host',
    help: 'where to listen',
    fallback: DEFAULTS.host,
    read: hostName,
  },
  port: {
    variable: 'SIM_PORT',
    value: 'port',
    help: '0 takes a free one',
    fallback: 8000,
    read: integerIn(0, 65_535),
  },
  'base-path': {
    variable: 'SIM_BASE_PATH',
    value: 'path',
    help: 'before every path; / for none',
    fallback: DEFAULTS.basePath,
    read: basePath,
  },
  gateway: {
    variable: 'SIM_GATEWAY',
    value: 'url',
    help: 'where updates go, to /api/updates',
    fallback: 'http://127.0.0.1:3000',
    read: httpUrl,
  },
  token: {
    variable: 'SIM_TOKEN',
    value: 'jwt',
    help: 'bearer token for the gateway',
    fallback: '',
    read: headerText,
  },
  redis: {
    variable: 'REDIS_URL',
    value: 'url',
    help: 'where updates are published instead, with a key for each batch',
    fallback: '',
    read: redisUrl,
  },
  stream: {
    variable: 'SIM_STREAM',
    help: 'on Redis, add to the stream instead of publishing on the channel',
    fallback: false,
    read: yes,
  },
  'stream-shards': {
    variable: 'STREAM_SHARDS',
    value: 'n',
    help: 'with --stream: split into so many streams, as the gateways read them',
    fallback: 1,
    read: integerIn(1, 64),
  },
  key: {
    variable: 'SIM_KEY',
    value: 'key',
    help: 'the X-API-Key that callers must send',
    fallback: DEFAULTS.apiKey,
    read: headerText,
  },
  limit: {
    variable: 'SIM_LIMIT',
    value: 'n',
    help: 'submissions a minute of one user; 0: any number',
    fallback: DEFAULTS.submissionsPerMinute,
    read: integerIn(0, 1_000_000),
  },
};

type WorkValues = Values<typeof WORK_SETTINGS & typeof FAULT_SETTINGS>;
type ServerValues = Values<typeof SERVER_SETTINGS>;

export function workOptions(values: WorkValues) {
  const { rate, workers, every: publishEvery, 'answer-delay': answerDelayMs, seed } = values;
  const names = Object.keys(FAULT_SETTINGS) as (keyof typeof FAULT_SETTINGS)[];
  const faults: Faults = { ...NO_FAULTS, ...Object.fromEntries(names.map((name) => [name, values[name]])) };
  return { rate, workers, publishEvery, answerDelayMs, seed, faults } satisfies Partial<ValidatorOptions>;
}

export function serverOptions(values: ServerValues) {
  const { host, port, gateway: gatewayUrl, token: gatewayToken, key: apiKey, limit } = values;
  const place = { host, port, basePath: values['base-path'], gatewayUrl, gatewayToken, apiKey };
  return {
    ...place,
    redis: redisOf(values),
    submissionsPerMinute: limit,
  } satisfies Partial<ValidatorOptions>;
}

function redisOf(values: ServerValues): ValidatorOptions['redis'] {
  const { redis: url, stream: isStream, 'stream-shards': streamShards } = values;
  if (url === '' && isStream) throw new UsageError('--stream: needs --redis');
  return url === '' ? null : { url, isStream, streamShards };
}
