/**
 * Reads the address of Redis, which says the topology too:
 *
 *     redis://[user:password@]host[:port][/database]                 one server
 *     redis-sentinel://[user:password@]host[:port],…/name[/database]  sentinels, and the name of the primary that they watch
 *     redis-cluster://[user:password@]host[:port],…                  some nodes of a cluster
 *
 * `rediss`, `rediss-sentinel` and `rediss-cluster` are the same over TLS. User and password are those of the servers with the
 * data, and are percent-encoded.
 */

import { isIPv4, isIPv6 } from 'node:net';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

interface Common {
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export type RedisAddress = Common &
  (
    | { readonly topology: 'single'; readonly server: HostPort; readonly database: number }
    | {
        readonly topology: 'sentinel';
        readonly sentinels: readonly HostPort[];
        readonly name: string;
        readonly database: number;
      }
    | { readonly topology: 'cluster'; readonly nodes: readonly HostPort[] }
  );

/** What is wrong with an address. The message never repeats any of it: it may contain a password. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const SCHEME = /^(rediss?)(-sentinel|-cluster)?:\/\//;
const SCHEMES = 'redis://, redis-sentinel:// or redis-cluster:// (rediss for TLS)';
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;
/** More than any server is configured with: whether it has a database is the server's to say. */
const MAX_DATABASE = 65_535;
/** What RFC 3986 allows in user and password. */
const USER_INFO = /^(?:[\w\-.~!$&'()*+,;=:]|%[\da-f]{2})*$/i;
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_](?:[\w-]*[a-z\d_])?(?:\.[a-z\d_](?:[\w-]*[a-z\d_])?)*\.?$/i;
const ENCODE =
  'characters with a meaning of their own have to be percent-encoded (@ as %40, / as %2F, # as %23)';

/** @throws AddressError */
export function parseAddress(text: string): RedisAddress {
  const [start, scheme, suffix] = SCHEME.exec(text) ?? [];
  if (start === undefined) throw new AddressError(`must begin with ${SCHEMES}`);
  if (/[\s#?\\]|[^\x20-\x7e]/.test(text)) throw new AddressError(`has a blank, #, ? or \\ in it; ${ENCODE}`);
  const rest = text.slice(start.length);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? [] : rest.slice(slash + 1).split('/');
  const at = authority.lastIndexOf('@');
  const common = { tls: scheme === 'rediss', ...userOf(at < 0 ? null : authority.slice(0, at)) };
  const hosts = authority.slice(at + 1);
  if (suffix === '-cluster') {
    if (path.join('') !== '')
      throw new AddressError('a cluster has no databases: nothing may follow the hosts');
    return { ...common, topology: 'cluster', nodes: hostsIn(hosts, DEFAULT_PORT) };
  }
  if (suffix === '-sentinel') {
    const [name = '', database = '', ...more] = path;
    if (more.length > 0) throw new AddressError(`has too many parts after the hosts; ${ENCODE}`);
    if (!/^[\w.-]{1,255}$/.test(name))
      throw new AddressError('must name the primary after the hosts, as the sentinels do: host:port/name');
    const sentinels = hostsIn(hosts, DEFAULT_SENTINEL_PORT);
    return { ...common, topology: 'sentinel', sentinels, name, database: databaseOf(database) };
  }
  const [database = '', ...more] = path;
  if (more.length > 0) throw new AddressError(`has too many parts after the host; ${ENCODE}`);
  if (hosts.includes(','))
    throw new AddressError(
      'has several hosts: those of a cluster are redis-cluster://, sentinels redis-sentinel://',
    );
  const [server] = hostsIn(hosts, DEFAULT_PORT) as [HostPort];
  return { ...common, topology: 'single', server, database: databaseOf(database) };
}

function userOf(info: string | null): Pick<Common, 'username' | 'password'> {
  if (info === null) return { username: undefined, password: undefined };
  if (!USER_INFO.test(info)) throw new AddressError(`user or password cannot be read; ${ENCODE}`);
  const colon = info.indexOf(':');
  if (colon < 0) throw new AddressError('must have user:password or :password before the @');
  try {
    const [username, password] = [info.slice(0, colon), info.slice(colon + 1)].map(decodeURIComponent);
    return { username: username || undefined, password: password || undefined };
  } catch {
    throw new AddressError('user or password is no UTF-8 once it is decoded');
  }
}

const hostsIn = (list: string, defaultPort: number): HostPort[] =>
  list.split(',').map((item) => hostIn(item, defaultPort));

function hostIn(text: string, defaultPort: number): HostPort {
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text) ?? [];
  const host = bracketed ?? bare ?? '';
  const isHost =
    bracketed === undefined ? HOST_NAME.test(host) && (!/^[\d.]+$/.test(host) || isIPv4(host)) : isIPv6(host);
  if (!isHost)
    throw new AddressError('has a host that cannot be: a name, an IPv4 address or [an IPv6 address]');
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535))
    throw new AddressError('has a port that cannot be: 1 to 65535');
  return { host, port: port === undefined ? defaultPort : Number(port) };
}

function databaseOf(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text) || Number(text) > MAX_DATABASE)
    throw new AddressError('has a database that cannot be: a number, usually 0 to 15');
  return Number(text);
}
