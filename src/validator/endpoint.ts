/** The URL and the headers of a submission, from the configuration, which has checked both. */
import { createHash } from 'node:crypto';
import type { UserId } from '../domain/id.js';

/** The URL that lists are submitted to, from the validator's base URL with or without a slash at its end. */
export function endpointOf(base: string): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/validate-batch`;
  return url;
}

/** The headers of a user's submission. */
export function headersOf(key: string | undefined): (userId: UserId) => Record<string, string> {
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

/** Without blanks at its ends, which a header loses: two users would become one. */
const isHeaderText = (text: string): boolean => /^[\x20-\x7e]+$/.test(text) && text.trim() === text;
