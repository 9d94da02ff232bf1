/** Checks the form of `MONGODB_URI` before the driver sees it: the driver's own messages repeat parts of the password. */

import { isHost } from './kinds.js';

const SCHEME = /^mongodb(\+srv)?:\/\//;
const MUST_ENCODE =
  'its user name and password must be percent-encoded: @ as %40, : as %3A, / as %2F, # as %23';
/** MongoDB allows none of these in the name of a database. */
const DATABASE = /^[^/\\. "$*<>:|?]{0,63}$/;

/** What is wrong with a connection string, without any part of it; null: it is well-formed. */
export function problemOfMongoUri(uri: string): string | null {
  const [scheme, srv] = SCHEME.exec(uri) ?? [];
  if (scheme === undefined) return 'must begin with mongodb:// or mongodb+srv://';
  if (/[\s\p{Cc}]/u.test(uri)) return 'must have no blanks and no control characters';
  const [authority = '', rest = ''] = splitAt(uri.slice(scheme.length), /[/?]/);
  // A raw / or # in a password puts the @ behind the hosts.
  if (uri.includes('#') || rest.includes('@')) return MUST_ENCODE;
  const at = authority.lastIndexOf('@');
  if (at !== -1 && !isUserInfo(authority.slice(0, at))) return MUST_ENCODE;
  const hosts = authority.slice(at + 1);
  return (srv === undefined ? problemOfHosts(hosts) : problemOfServiceName(hosts)) ?? problemOfRest(rest);
}

/** The text before the first separator, and the rest with it. */
function splitAt(text: string, separator: RegExp): [string, string] {
  const at = text.search(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

function isUserInfo(text: string): boolean {
  const [user = '', password, ...more] = text.split(':');
  return user !== '' && more.length === 0 && [user, password ?? ''].every(isEncoded);
}

const isEncoded = (text: string): boolean =>
  /^(?:[^%@:/?#[\]]|%[0-9a-f]{2})*$/i.test(text) && isDecodable(text);

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function problemOfHosts(hosts: string): string | null {
  if (hosts === '') return 'must name a host';
  for (const host of hosts.split(',')) {
    if (host === '') return 'must have no empty host between its commas';
    // The path of a Unix socket.
    if (/^%2f/i.test(host) && isDecodable(host)) continue;
    const [, bracketed, name, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(host) ?? [];
    if (!isHost(bracketed ?? name ?? ''))
      return 'must name hosts, each a host name or an IP address ([…] for IPv6)';
    if (port !== undefined && !isPort(port)) return 'must have ports from 1 to 65535';
  }
  return null;
}

const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

function problemOfServiceName(name: string): string | null {
  const isOne = isHost(name) && name.includes('.');
  return isOne ? null : 'must name one host without a port after mongodb+srv://';
}

function problemOfRest(rest: string): string | null {
  const [path, query] = splitAt(rest, /\?/);
  const database = path.slice(1);
  if (!isDecodable(database) || !DATABASE.test(decodeURIComponent(database)))
    return 'names a database that cannot be: at most 63 characters, none of / \\ . " $ * < > : | ?';
  const options = query.slice(1);
  if (options !== '' && !options.split('&').every((option) => /^[A-Za-z]+=[^=]/.test(option)))
    return 'must have options of the form name=value, separated by &';
  return isDecodable(options) ? null : 'has options that are not percent-encoded';
}
