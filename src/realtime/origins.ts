import type { IncomingMessage } from 'node:http';

/**
 * Whether a browser's page may open a socket here. WebSockets know no same-origin policy: without this check any page
 * that somebody visits could listen through their browser. Programs that are no browser send no origin.
 */
export function isOriginAllowed({ headers }: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
