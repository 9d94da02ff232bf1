/** Decides which web pages may use the gateway, by the `Origin` of their requests. REST and sockets share the rule. */

import type { IncomingHttpHeaders } from 'node:http';

/** Whether `CORS_ORIGINS` allows every origin, or names this one. */
export const isListed = (origin: string, allowed: readonly string[]): boolean =>
  allowed.includes('*') || allowed.includes(origin);

/** A page of the gateway itself. `Sec-Fetch-Site` still says so behind a proxy that changes the `Host`. */
function isSameOrigin({ host, ...headers }: IncomingHttpHeaders, origin: string): boolean {
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** Where a browser sends no `Origin`, `Sec-Fetch-Site` still says that a page of another origin has caused the request. */
const isFromElsewhere = (site: unknown): boolean => site === 'cross-site' || site === 'same-site';

/** Whether a request with these headers is allowed: it is a program's, which has no origin, or an allowed page's. */
export function isAllowed(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin } = headers;
  if (origin === undefined) return allowed.includes('*') || !isFromElsewhere(headers['sec-fetch-site']);
  return isListed(origin, allowed) || isSameOrigin(headers, origin);
}
