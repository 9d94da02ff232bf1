/** The settings of `npm run replay`. */
import { headerText, httpUrl, numberIn, text } from '../cli/values.js';

/** Factor of the recorded pace; 0: no waiting. */
function speed(value: string): number {
  if (value === 'max') return 0;
  const factor = value.replace(/x$/, '');
  if (/^\d+(?:\.\d+)?$/.test(factor) && Number(factor) > 0) return numberIn(0.001, 1_000_000)(factor);
  throw new Error('must be a number like 1 or 10x, or max');
}

function redisUrl(value: string): string {
  if (/^rediss?:\/\//.test(value) && URL.canParse(value)) return value;
  throw new Error('must be a URL that begins with redis:// or rediss://');
}

export const REPLAY_SETTINGS = {
  url: {
    variable: 'REPLAY_URL',
    value: 'url',
    help: 'the gateway, which gets each message at /api/updates',
    fallback: 'http://127.0.0.1:3000',
    read: httpUrl,
  },
  token: {
    variable: 'REPLAY_TOKEN',
    value: 'jwt',
    help: 'bearer token for the gateway',
    fallback: '',
    read: headerText,
  },
  redis: {
    value: 'url',
    help: 'publish on this Redis instead, as the validator does: the key of the batch, then the channel',
    fallback: '',
    read: redisUrl,
  },
  stream: {
    help: 'with --redis: append to the stream of the channel instead of publishing',
    fallback: false,
    read: (value: string) => value === 'true',
  },
  speed: {
    value: 'factor',
    help: '1: as it was, 10: ten times as fast, max: without waiting',
    fallback: 1,
    read: speed,
  },
  'file-id': {
    value: 'id',
    help: 'register all batches of the recording for this file first (at --url)',
    fallback: '',
    read: text,
  },
  prefix: {
    value: 'text',
    help: 'before every batch id: a batch that was played into one file is not taken for another',
    fallback: '',
    read: text,
  },
};
