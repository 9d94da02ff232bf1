import type { IncomingHttpHeaders } from 'node:http';
import { BROKEN, Refusal, refusal } from './answer.js';

/** The real one keeps users in a column of this width. */
const MAX_USER_LENGTH = 255;

const headerOf = (headers: IncomingHttpHeaders, name: string): string =>
  (headers[name]?.toString() ?? '').trim();

/** @throws Refusal 401 */
export function requireKey(headers: IncomingHttpHeaders, apiKey: string): void {
  const key = headerOf(headers, 'x-api-key');
  if (key === '') throw refusal(401, 'Missing API key');
  if (key !== apiKey) throw refusal(401, 'Invalid API key');
}

/** Whom calls are counted for, before anybody looks at whether there is such a user. */
export const userOf = (headers: IncomingHttpHeaders): string => headerOf(headers, 'x-user-id');

/** @throws Refusal 400, and 500 for a name that is too long */
export function requireUser(headers: IncomingHttpHeaders): void {
  const user = userOf(headers);
  if (user === '') throw refusal(400, 'Missing user ID');
  if (user.length > MAX_USER_LENGTH) throw new Refusal(BROKEN);
}
