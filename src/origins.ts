import type { IncomingHttpHeaders } from 'node:http';

/** Whether every origin is let in, or this one by name. */
export const isListed = (origin: string, allowed: readonly string[]): boolean =>
  allowed.includes('*') || allowed.includes(origin);

/** The gateway's own pages; `Sec-Fetch-Site` is the browser's word where a proxy has put another host name in. */
export function isOwn({ host, ...headers }: IncomingHttpHeaders, origin: string): boolean {
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** Whether whoever sends these headers may act here: a program, which names no origin, or a page that is let in. */
export function isAllowed(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin } = headers;
  return origin === undefined || isListed(origin, allowed) || isOwn(headers, origin);
}
