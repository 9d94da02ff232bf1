/** The URL and the headers of a submission, from the configuration. */
import { createHash } from 'node:crypto';
import { EXIT_CONFIG } from '../config.js';
import type { UserId } from '../domain/id.js';
import { FatalError } from '../errors.js';

const invalid = (reason: string) => new FatalError(`wrong configuration: ${reason}`, EXIT_CONFIG);

/** The URL that lists are submitted to, from the validator's base URL with or without a slash at its end. */
export function endpointOf(base: string): URL {
  const url = new URL(base);
  // Credentials in a URL end up in logs and error messages; the key has a variable of its own.
  if (url.username !== '' || url.password !== '') throw invalid('VALIDATOR_URL: must not hold credentials');
  if (url.search !== '' || url.hash !== '')
    throw invalid('VALIDATOR_URL: must have no query and no fragment');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/validate-batch`;
  return url;
}

interface Credentials {
  readonly VALIDATOR_API_KEY?: string | undefined;
  readonly VALIDATOR_USER_ID: string;
}

/** The headers of a user's submission. A value that no header can hold is found here, at start, not at the first use. */
export function headersOf({
  VALIDATOR_API_KEY: key,
  VALIDATOR_USER_ID: user,
}: Credentials): (userId: UserId) => Record<string, string> {
  if (key !== undefined && !isHeaderText(key)) throw invalid('VALIDATOR_API_KEY: must be printable ASCII');
  if (!isHeaderText(user)) throw invalid('VALIDATOR_USER_ID: must be printable ASCII and not blank');
  const fixed = {
    'Content-Type': 'application/json',
    Accept: 'application/json',
    'X-Client-ID': 'verigate',
    ...(key === undefined ? {} : { 'X-API-Key': key }),
  };
  return (userId) => ({ ...fixed, 'X-User-ID': headerTextOf(userId) });
}

/** The validator fails on longer ones. */
const MAX_USER_LENGTH = 255;

/** The user's id where a header can hold it, else its hash: the validator limits submissions per user. */
function headerTextOf(userId: UserId): string {
  if (userId.length <= MAX_USER_LENGTH && isHeaderText(userId)) return userId;
  return `sha256-${createHash('sha256').update(userId).digest('hex')}`;
}

const isHeaderText = (text: string): boolean => /^[\x20-\x7e]+$/.test(text) && text.trim() !== '';
