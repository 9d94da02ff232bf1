/** Decides by which names a gateway without tokens may be called, by the `Host` of a request. REST and sockets share it. */

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { Fault } from './errors.js';
import { inNetworks } from './networks.js';

interface Authority {
  /** In lower case, without brackets and the dot at the end. */
  readonly host: string;
  /** Null: the scheme's own. */
  readonly port: string | null;
}

type HostPattern = (authority: Authority) => boolean;

const AUTHORITY = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{0,5}))?$/i;
const LOOPBACK_NAME = /^(?:[\w-]+\.)*localhost$/;
const NAME = /^[\w-]+(?:\.[\w-]+)*$/;

/** Null: the text is no authority, or it is one with a user. */
function readAuthority(text: string): Authority | null {
  const [, ip6, name, port] = AUTHORITY.exec(text) ?? [];
  const host = (ip6 ?? name)?.toLowerCase().replace(/\.$/, '');
  return host === undefined || (ip6 !== undefined && isIP(ip6) !== 6) ? null : { host, port: port || null };
}

const isLoopbackAddress = inNetworks(['127.0.0.0/8', '::1/128']);

const isLoopback: HostPattern = (authority) =>
  // Most requests of an open gateway: to look an address up in a list of networks takes microseconds.
  authority.host === '127.0.0.1' || LOOPBACK_NAME.test(authority.host) || isLoopbackAddress(authority.host);

/** Whether a `Host` names this machine itself. A web page that calls a gateway on it by a name of its own does not. */
export function isLoopbackHost(host = ''): boolean {
  const authority = readAuthority(host);
  return authority !== null && isLoopback(authority);
}

/**
 * One value of `ALLOWED_HOSTS`: a name, an address, either with `:port` for this port alone, `*.example.com` for one label
 * more, a network like `10.0.0.0/8` for the addresses in it, or `*` for every host. Null: it is none of these.
 */
export function hostPattern(text: string): HostPattern | null {
  if (text === '*') return () => true;
  const [, base = '', bits] = /^([\da-f:.]+)\/(\d{1,3})$/i.exec(text) ?? [];
  if (bits !== undefined)
    return isIP(base) !== 0 && Number(bits) <= (isIP(base) === 6 ? 128 : 32) ? addressIn(text) : null;
  const isWildcard = text.startsWith('*.');
  const wanted = readAuthority(isWildcard ? text.slice(2) : isIP(text) === 6 ? `[${text}]` : text);
  if (wanted === null || Number(wanted.port ?? 0) > 65_535) return null;
  const portFits: HostPattern = ({ port }) => wanted.port === null || wanted.port === port;
  if (isIP(wanted.host) !== 0) {
    const isSame = addressIn(wanted.host);
    return isWildcard ? null : (authority) => isSame(authority) && portFits(authority);
  }
  if (!NAME.test(wanted.host)) return null;
  return (authority) =>
    (isWildcard ? withoutFirstLabel(authority.host) : authority.host) === wanted.host && portFits(authority);
}

function addressIn(network: string): HostPattern {
  const isIn = inNetworks([network]);
  return ({ host }) => isIn(host);
}

const withoutFirstLabel = (host: string): string | undefined => /^[\w-]+\.(.+)$/.exec(host)?.[1];

interface HostOptions {
  /** Values of `ALLOWED_HOSTS`. */
  readonly allowedHosts: readonly string[];
  /** `CORS_ORIGINS`: a page of such an origin may be served by a proxy in front of the gateway. `*` names no host. */
  readonly origins: readonly string[];
  /** Whether the gateway asks for no tokens: then only the name keeps out a web page that calls it by a name of its own. */
  readonly isOpen: boolean;
}

type HostCheck = (request: Pick<IncomingMessage, 'rawHeaders' | 'url' | 'httpVersion'>) => Fault | null;

/** Returns a function that says why a request is refused; null: its hosts are allowed. */
export function hostCheck({ allowedHosts, origins, isOpen }: HostOptions): HostCheck {
  const names = origins.filter((origin) => origin !== '*').map((origin) => new URL(origin).hostname);
  const patterns = [...names, ...allowedHosts].map(hostPattern);
  const isAllowed = (text: string): boolean => {
    const authority = readAuthority(text);
    return (
      authority !== null &&
      (isLoopback(authority) || patterns.some((matches) => matches?.(authority) ?? false))
    );
  };
  return ({ rawHeaders, url = '', httpVersion }) => {
    const hosts = valuesOf(rawHeaders, 'host');
    if (isOpen && ![...hosts, ...targetHosts(url)].every(isAllowed))
      return new Fault(
        'forbidden',
        'the gateway has another name: ALLOWED_HOSTS does not list the Host of this request',
      );
    // A proxy may have looked at another one than the gateway.
    if (hosts.length > 1) return new Fault('invalid_request', 'Host: must be given once');
    if (hosts.length === 0 && httpVersion === '1.1') return new Fault('invalid_request', 'Host: is missing');
    return null;
  };
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '');
  return values;
}

/** The authority of a target in absolute form (`GET http://host/path`), which counts more than the header (RFC 9112). */
function targetHosts(url: string): string[] {
  if (url.startsWith('/') || url === '*') return [];
  const [, authority] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(url) ?? [];
  return [authority ?? url];
}
